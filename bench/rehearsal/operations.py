"""What torch's schema says about an operation, as far as the card that is played wants to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Operation:
    """``written``: arguments that it writes to, by place and by name. ``view``: it only looks at the same memory."""

    name: str
    written: tuple[tuple[int, str], ...]
    view: bool
    idle: bool
    composite: bool


def operation_of(func: Any) -> Operation:
    """``func``: as torch dispatches it."""
    schema = func._schema
    written = tuple(
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    view = not written and any(each.alias_info is not None for each in schema.returns)
    composite = func.namespace != "prim" and (
        torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")
    )
    name = func.__name__.split(".")[0]
    return Operation(name, written, view, name.startswith("empty") or name in ("new_empty", "detach_"), composite)
