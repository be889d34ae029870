"""Device and dtype by what is there, and what a large checkpoint takes of a CPU's memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model import start
from model.loading.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from model.loading.placement import resolve_device, resolve_dtype
from model.start import make_runner
from tests.model.test_memory import FULL, GIB
from tests.support.snapshot import snapshot

SMALL = FULL.__class__(**{name: getattr(FULL, name) // 100 for name in FULL.__slots__})
CUDA, MPS, CPU = torch.device("cuda", 0), torch.device("mps"), torch.device("cpu")


@pytest.mark.parametrize(
    ("capability", "dtype"), [((9, 0), torch.bfloat16), ((8, 0), torch.bfloat16), ((7, 5), torch.float16)]
)
def test_bfloat16_only_where_the_card_has_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert resolve_dtype("auto", CUDA, FULL) == dtype


@pytest.mark.parametrize(("modern", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_bfloat16_only_where_macos_has_it(monkeypatch: pytest.MonkeyPatch, modern: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: modern)
    assert resolve_dtype("auto", MPS, FULL) == dtype


def test_a_cpu_keeps_a_large_model_as_its_files_have_it() -> None:
    assert resolve_dtype("auto", CPU, FULL) == torch.bfloat16
    assert resolve_dtype("auto", CPU, SMALL) == torch.float32
    assert resolve_dtype("float32", CPU, FULL) == torch.float32


def test_mps_has_to_be_asked_for_and_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(CheckpointError, match="no Metal device"):
        resolve_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("mps") == MPS
    assert resolve_device("auto") == CPU


@pytest.mark.parametrize("name", ["meta", "xpu"])
def test_devices_of_other_kinds_are_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="cpu, cuda and mps"):
        resolve_device(name)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system does not tell what is mapped where")
def test_a_checkpoint_in_bfloat16_stays_memory_mapped() -> None:
    """Sixteen gigabytes that are read where they lie, and not copied first."""
    loaded = load_checkpoint(str(snapshot()), device="cpu", dtype="bfloat16")
    mapped = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, *_, name = line.split()
        if "safetensors" in name or "snapshot" in name:
            mapped.append(tuple(int(end, 16) for end in addresses.split("-")))
    for name, weight in loaded.model.named_parameters():
        assert any(first <= weight.data_ptr() < end for first, end in mapped), name


def test_pages_on_a_cpu_leave_most_of_the_memory_to_the_weights(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "device_bytes", lambda device: GIB // 4)
    small = make_runner(checkpoint).info
    assert small.pages * small.page_size * 1152 * 4 <= GIB // 16
    monkeypatch.setattr(start, "device_bytes", lambda device: 1000 * GIB)
    large = make_runner(checkpoint).info
    assert large.pages * large.page_size == 262_144
