"""A model that does not fit is told with its figures: before it is fetched where that can be known, and for good."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.errors import DeviceMemoryError
from model.loading import room
from model.loading.checkpoint import open_checkpoint
from model.loading.room import check_room, memory_explained

CPU = torch.device("cpu")


def test_weights_are_counted_from_the_configuration_alone() -> None:
    opened = open_checkpoint("tiny", device="cpu", dtype="float32")
    model = opened.load().model
    assert opened.weight_bytes == sum(weight.numel() * weight.element_size() for weight in model.parameters())


def test_what_is_larger_than_the_whole_device_is_not_begun() -> None:
    with pytest.raises(DeviceMemoryError, match=r"need 931322574\.6 GiB and cpu has .*--weights nf4.*--kv-positions"):
        check_room(10**18, CPU)
    check_room(1, CPU)


def test_a_container_has_less_than_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(room, "_CGROUP_LIMIT", limit)
    physical = room.device_bytes(CPU)
    assert physical is not None
    limit.write_text("max\n")
    assert room.device_bytes(CPU) == physical
    limit.write_text("4096\n")
    assert room.device_bytes(CPU) == 4096


def test_memory_that_runs_out_is_explained() -> None:
    with pytest.raises(DeviceMemoryError) as caught, memory_explained(3 * 2**30, CPU):
        torch.empty(2**50)  # torch has no type of its own for this on a CPU
    assert caught.value.permanent
    assert "cpu ran out of memory" in str(caught.value)
    assert "the weights need 3.0 GiB" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="busy"), memory_explained(1, CPU):
        raise RuntimeError("the device is busy")
