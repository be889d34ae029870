"""Whoever stops the server by signalling all of its processes, as systemd does, has it drain like anybody else."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from server.audio_in.child import __name__ as decoder
from tests.server.http.test_lifecycle import Asking, Process, process
from tests.support.processes import wait_until
from tests.support.scripted_server import PATIENCE
from tests.support.speaking_runner import TEXT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks for them in /proc")


def others_of(server: Process) -> list[int]:
    """Its processes, without the first."""
    lists = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [int(pid) for each in lists for pid in each.read_text().split()]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_runs_is_finished_by_who_began_it(wav: bytes, tmp_path: Path, number: int) -> None:
    with process(tmp_path / "log", 0.02, "--drain-seconds", "60") as server:
        running = Asking(server.url, wav, response_format="text")
        wait_until(lambda: server.active() == 1, "it is in work", PATIENCE)
        others = others_of(server)
        assert any(decoder.encode() in command_of(pid) for pid in others)
        assert any(b"multiprocessing" in command_of(pid) for pid in others)
        for pid in others:
            os.kill(pid, signal.SIGHUP)  # as `systemctl kill --signal HUP` does, to have keys read again
            os.kill(pid, number)
        server.process.send_signal(number)
        assert running.result().text == TEXT
        assert server.process.wait(PATIENCE) == 0
        assert b"was ended by" not in server.log.read_bytes()
