"""Numbers that are really computed beside the fake ones: whole numbers that lead somewhere, such as slots and lengths.

They come from the host, and what is computed from them alone is known as well. So an index beyond its table is found,
and a result whose size depends on numbers (``nonzero``) has the size that it would have.
"""

from __future__ import annotations

from typing import Any

import torch

_MOST_BYTES = 1 << 20
_WHOLE = {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool}
UNWRITTEN = 0x5A
"""Every byte of memory that nobody has written to: as an index it leads nowhere."""


class Shadows:
    """By storage: the same bytes on the host."""

    def __init__(self) -> None:
        self._bytes: dict[int, torch.Tensor] = {}

    def of(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The numbers of a tensor, sharing memory with those of its views; None where they are not known."""
        block = self._bytes.get(tensor.untyped_storage()._cdata)
        if block is None:
            return None
        known = torch.empty(0, dtype=tensor.dtype)
        return known.set_(block.untyped_storage(), tensor.storage_offset(), tensor.shape, tensor.stride())

    def begin(self, tensor: torch.Tensor) -> None:
        """Memory was allocated for ``tensor``; nothing is in it yet."""
        storage = tensor.untyped_storage()
        if tensor.dtype in _WHOLE and storage.nbytes() <= _MOST_BYTES:
            self._bytes[storage._cdata] = torch.full((storage.nbytes(),), UNWRITTEN, dtype=torch.uint8)

    def write(self, tensor: torch.Tensor, numbers: torch.Tensor | None) -> None:
        """``numbers`` were written to ``tensor``; None where they are not known."""
        known = self.of(tensor)
        if known is None:
            return
        if numbers is None:
            self.forget(tensor.untyped_storage()._cdata)
        else:
            known.copy_(numbers)

    def forget(self, storage: int) -> None:
        self._bytes.pop(storage, None)

    def known(self, arguments: Any) -> tuple[bool, Any]:
        """``arguments`` with numbers in place of fake tensors; False first where some are not known."""
        if isinstance(arguments, torch.Tensor):
            if arguments.device.type == "cpu":
                return True, arguments
            numbers = self.of(arguments)
            return numbers is not None, numbers
        if isinstance(arguments, list | tuple):
            parts = []
            for each in arguments:
                found, part = self.known(each)
                if not found:
                    return False, None
                parts.append(part)
            return True, type(arguments)(parts)
        if isinstance(arguments, torch.device):
            return True, torch.device("cpu")
        return True, arguments
