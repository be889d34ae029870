"""What is wrong with settings, in words, by the name that whoever set them knows: the flag or the variable."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from pydantic import ValidationError


def faults_of(error: ValidationError, arguments: Sequence[str] = ()) -> Iterator[str]:
    """A line for each. ``arguments``: the flags that were given; what is not among them came by environment."""
    given = {argument.partition("=")[0] for argument in arguments}
    for fault in error.errors(include_input=False):
        told = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:
            yield told
            continue
        name = str(fault["loc"][0])
        flag, variable = f"--{name}".replace("_", "-"), f"VIBEVOICE_{name.upper()}"
        by_environment = not given & {flag, f"--no-{flag[2:]}"} and variable in os.environ
        yield f"{variable if by_environment else flag} {told}"
