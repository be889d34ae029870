"""A token embedding whose rows stay in the host's memory: a gigabyte that a small GPU has for KV pages instead.

A step looks up a few dozen rows of 7 KB. The memory is pinned and the GPU reads it through the bus by itself, so
nothing is copied beforehand, no step waits for the host, and recorded steps do the same.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import embedding

from model.errors import DeviceMemoryError


class HostTable(torch.nn.Module):
    """Takes the place of an ``nn.Embedding``. Its rows are no parameter: moving the model leaves them behind."""

    def __init__(self, rows: torch.Tensor, device: torch.device) -> None:
        """``rows``: [vocabulary, width], anywhere; ``device``: of the ids and of what is looked up."""
        super().__init__()
        self._rows = _visible(rows.detach().cpu(), device)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[...] → [..., width]."""
        return embedding(ids, self._rows)


def _visible(rows: torch.Tensor, device: torch.device) -> torch.Tensor:
    """``rows`` as the device sees them without a copy; on a CPU they are that already. Raises DeviceMemoryError."""
    if device.type == "cpu":
        return rows
    try:
        pinned = rows.pin_memory()
        seen = torch.as_tensor(_Mapped(pinned), device=device).view(rows.dtype)
        if seen.data_ptr() != pinned.data_ptr():
            raise RuntimeError("it was copied")
    except RuntimeError as error:
        raise DeviceMemoryError(
            f"{device} is so small that the token embedding should lie in the host's memory, and cannot read it there "
            f"({error}): take a larger GPU, or set --kv-positions to what fits beside the weights."
        ) from error
    return seen


class _Mapped:
    """Says of pinned memory that it is CUDA memory, which it is under unified addressing."""

    def __init__(self, pinned: torch.Tensor) -> None:
        self._pinned = pinned  # the tensor made from this object keeps it alive
        numbers: Any = {1: "|i1", 2: "<i2", 4: "<i4"}[pinned.element_size()]  # bfloat16 has no name in the protocol
        self.__cuda_array_interface__ = {
            "shape": tuple(pinned.shape),
            "typestr": numbers,
            "data": (pinned.data_ptr(), False),
            "strides": None,
            "version": 2,
        }
