"""A second device on machines that have none: its tensors are real, but not among those of the CPU."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")
"""How it is called: a name that PyTorch knows, also where it is built for CPUs alone."""
_MOVES = {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}


class _There(Tensor):
    """A tensor of the device, whose values are held by one of the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "_There":
        made: _There = Tensor._make_wrapper_subclass(
            cls, held.size(), held.stride(), held.storage_offset(), dtype=held.dtype, device=DEVICE
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, op: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _done(op, args, kwargs or {})


def _here(value: Any) -> Any:
    return value.held if isinstance(value, _There) else value


def _done(op: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    there = {id(each.held): each for each in tensors if isinstance(each, _There)}
    strangers = [each for each in tensors if not isinstance(each, _There) and each.dim()]
    if there and strangers and op not in _MOVES:
        raise RuntimeError(f"{op} is given tensors on two devices; on the CPU: {[*strangers[0].shape]}")
    asked = kwargs.get("device")
    if asked is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    stays = bool(there) if asked is None else torch.device(asked) == DEVICE
    found = op(*tree_map(_here, args), **tree_map(_here, kwargs))

    def lies(value: Any) -> Any:
        return there[id(value)] if id(value) in there else _There(value) if isinstance(value, Tensor) else value

    return tree_map(lies, found) if stays else found


class Elsewhere(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it `DEVICE` is a device as a GPU is one: who mixes its tensors with those of the CPU gets an error."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(op, args, kwargs or {})
