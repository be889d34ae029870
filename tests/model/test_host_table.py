"""A token embedding that a GPU reads from the host's memory, as far as that can be seen without one."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
import torch

from model.errors import DeviceMemoryError
from model.memory.host_table import HostTable

GPU = torch.device("cuda")


class Unified:
    """Memory that is the same for both, so that a pointer of the one is one of the other.

    NumPy reads what the CUDA array interface says: the two protocols have the same fields.
    """

    def __init__(self, patch: pytest.MonkeyPatch, *, copies: bool = False) -> None:
        """``copies``: the device makes a copy of what it should only look at."""
        self.pinned: list[weakref.ref[torch.Tensor]] = []
        self._copies = copies
        patch.setattr(torch.Tensor, "pin_memory", lambda rows: self._pin(rows))
        patch.setattr(torch, "as_tensor", self._seen)

    def _pin(self, rows: torch.Tensor) -> torch.Tensor:
        pinned = rows.clone()
        self.pinned.append(weakref.ref(pinned))
        return pinned

    def _seen(self, memory: Any, device: torch.device) -> torch.Tensor:
        assert device == GPU
        seen = torch.from_numpy(np.asarray(Readable(memory)))
        return seen.clone() if self._copies else seen


class Readable:
    """For NumPy, which keeps it as long as the array."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.__array_interface__ = memory.__cuda_array_interface__ | {"version": 3}


def table(dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(40, 12, generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_the_device_reads_the_pinned_rows_where_they_are(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    unified, rows = Unified(monkeypatch), table(dtype)
    seen = HostTable(rows, GPU)._rows
    pinned = unified.pinned[0]()
    assert pinned is not None, "whoever reads it keeps it"
    assert (seen.data_ptr(), seen.shape, seen.dtype) == (pinned.data_ptr(), rows.shape, dtype)
    assert torch.equal(seen.float(), rows.float())


@pytest.mark.parametrize("device", [torch.device("cpu"), GPU])
def test_it_looks_up_what_the_embedding_would(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    Unified(monkeypatch)
    embedding = torch.nn.Embedding(40, 12, _weight=table(torch.bfloat16))
    ids = torch.tensor([[3, 39], [0, 3]])
    moved = HostTable(embedding.weight, device)
    assert torch.equal(moved(ids), embedding(ids))
    assert not list(moved.parameters())
    assert not moved.state_dict()


def test_a_copy_would_take_the_memory_that_is_to_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    Unified(monkeypatch, copies=True)
    with pytest.raises(DeviceMemoryError, match=r"cannot read it there \(it was copied\).*--kv-positions"):
        HostTable(table(torch.bfloat16), GPU)


def test_memory_that_cannot_be_pinned_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rows: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no such device")

    monkeypatch.setattr(torch.Tensor, "pin_memory", refuse)
    with pytest.raises(DeviceMemoryError, match=r"cuda is so small .* \(no such device\): take a larger GPU"):
        HostTable(table(torch.bfloat16), GPU)
