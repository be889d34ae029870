"""What the doctor finds, by machines that are not here."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.seam.runner import RunnerInfo
from server.commandline.doctor import device, machine
from server.commandline.doctor.check import Check, State
from server.settings import Settings
from tests.server.commandline.conftest import Here

CARD = "NVIDIA A10, 570.10, 23028 MiB"


@dataclass(frozen=True)
class Found:
    """A machine without a GPU, with PyTorch's build for CPUs."""

    gpus: tuple[str, ...] = ()
    kernel_driver: str | None = None
    torch: str = "2.13.0"
    built_for: str | None = None
    usable: tuple[str, ...] = ()
    metal: bool = False
    why_not: str = ""


CPU = Found()


@pytest.mark.parametrize(
    ("found", "wanted", "states", "told"),
    [
        (CPU, "auto", "warn ok", "no NVIDIA driver"),
        (CPU, "cuda", "fail ok", "--device cuda is asked for"),
        (Found(metal=True), "mps", "ok ok", "Metal"),
        (Found(gpus=(CARD,)), "auto", "ok fail", "built for CPUs, on a machine with a GPU"),
        (Found(gpus=(CARD,), built_for="13.0", usable=("NVIDIA A10",)), "auto", "ok ok", "sees NVIDIA A10"),
        (Found(gpus=(CARD,), built_for="13.0", why_not="driver too old"), "auto", "ok fail", "no GPU (driver too old)"),
        (Found(kernel_driver="NVIDIA's 570"), "auto", "fail fail", "nvidia-smi finds no GPU"),
        (Found(built_for="13.0"), "auto", "warn warn", "without a GPU"),
    ],
)
def test_driver_and_build_of_pytorch(found: Found, wanted: str, states: str, told: str) -> None:
    checks = list(device.judged(found, wanted))
    assert [check.state.value for check in checks] == states.split()
    assert any(told in check.told for check in checks)
    assert all(check.cure for check in checks if check.state is not State.OK)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = machine.port("127.0.0.1", listening.getsockname()[1])
    assert (taken.state, "is taken" in taken.told) == (State.WARN, True)
    assert machine.port("127.0.0.1", 0).state is State.OK
    assert machine.port("192.0.2.1", 8000).state is State.FAIL


def test_room_on_disks_and_for_files(tmp_path: Path) -> None:
    assert machine.disk("spool", tmp_path, 1).state is State.OK
    assert machine.disk("spool", tmp_path, 1 << 60).state is State.FAIL
    assert machine.disk("spool", tmp_path / "nowhere", 1).state is State.FAIL
    assert machine.jobs(Settings(jobs_folder=tmp_path / "to/be/made")).state is State.OK
    assert [machine.files(limit).state for limit in (256, 65_536)] == [State.WARN, State.OK]
    assert machine.memory(1 << 30, Settings(memory_bytes=900 << 20, max_audio_seconds=60)).state is State.FAIL
    assert machine.voices("none").state is State.OK
    assert machine.voices(str(tmp_path / "no.onnx")).state is State.FAIL


def test_all_of_it(
    here: Here, foreseen: Callable[[RunnerInfo], None], tiny_info: RunnerInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model.device.survey", SimpleNamespace(look=lambda: CPU))
    foreseen(tiny_info)
    status, printed, _ = here(["doctor", "--model", "tiny", "--port", "0", "--json"])
    checks = [Check(**each) for each in json.loads(printed)]
    names = "python memory port spool jobs files ffmpeg voices microphone driver torch checkpoint tokenizer attention"
    assert [check.name for check in checks] == [*names.split(), "durations"]
    assert status == 0
    status, printed, _ = here(["doctor", "--model", "/nowhere", "--port", "0"])
    assert status == 0, "it was foreseen all the same"
    assert printed.startswith("ok    python")
    assert "\x1b" not in printed


def test_a_checkpoint_that_is_not_there_fails(here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "model.device.survey", SimpleNamespace(look=lambda: CPU))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    status, printed, _ = here(["doctor", "--model", "somebody/asr", "--port", "0"])
    assert status == 1
    assert "fail  checkpoint  somebody/asr: It is not on this machine" in printed
    assert "--model tiny" in printed
