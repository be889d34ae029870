"""The command as a person calls it: in a process of its own, or in this one where nothing but words matter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.family import VIBEVOICE_ASR
from model.loading.source import TINY
from model.seam.runner import RunnerInfo
from server.commandline.app import run
from server.engine.worker import load
from tests.support.logging_kept import logging_kept
from tests.support.processes import ROOT, ServerProcess
from tests.support.stub_server import Stub, running_stub, transcribed

PATIENCE = 120.0
PATH = "/v1/audio/transcriptions"
_PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from server.commandline.main import main; sys.argv[0] = 'vibevoice-asr'; main()"
)
"""As in a terminal: what tests are run by may ignore Ctrl+C, and so would all that they start."""


def command(*arguments: str | Path) -> list[str]:
    """What runs ``vibevoice-asr`` from this tree."""
    return [sys.executable, "-c", _PROGRAM, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Without settings of whoever runs the tests; the tree is found from any folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIBEVOICE_", "HF_"))}
    return kept | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "OMP_NUM_THREADS": "1"} | more


Here = Callable[[Sequence[str]], tuple[int, str, str]]
"""What the fixture of this name gives: status, what was printed, what was said."""


def called(
    *arguments: str | Path, cwd: Path, given: bytes | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command's end: what it printed and said, and its status."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env=environment(**variables),
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server on the bundled checkpoint, with jobs."""
    folder = tmp_path_factory.mktemp("server")
    with ServerProcess("--jobs-folder", str(folder / "jobs"), log=folder / "log") as server:
        server.wait_ready()
        yield server


@pytest.fixture
def tiny_info() -> RunnerInfo:
    """Of a runner on the bundled checkpoint's folder."""
    return RunnerInfo(
        checkpoint="tiny",
        checkpoint_path="tiny",
        family=VIBEVOICE_ASR,
        page_size=32,
        pages=8192,
        max_positions=16_384,
        stop_ids=frozenset(),
        device="cpu",
        dtype="float32",
        attention="sdpa",
    )


@pytest.fixture
def foreseen(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunnerInfo], None]:
    """Let a checkpoint be foreseen as such a runner; without PyTorch, which takes seconds to import."""

    def as_such(info: RunnerInfo) -> None:
        source = SimpleNamespace(folder=TINY)
        checkpoint = SimpleNamespace(source=source, weights="bf16", weight_bytes=30 << 20)
        prospect = SimpleNamespace(checkpoint=checkpoint, info=info, plan=None)
        monkeypatch.setattr(load, "foresee_model", lambda *_, **__: prospect)

    return as_such


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VIBEVOICE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Here:
    """The command in this process and in an empty folder: status, what it printed, what it said."""
    monkeypatch.chdir(tmp_path)

    def call(arguments: Sequence[str]) -> tuple[int, str, str]:
        capfd.readouterr()
        with logging_kept():
            status = run(arguments)
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return call


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server that answers every recording with the same."""
    with running_stub() as made:
        made.replies[PATH] = [transcribed(text="Words.")]
        yield made
