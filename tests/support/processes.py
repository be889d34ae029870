"""Real processes for tests: the server as a person starts it, on a free port of the loopback interface."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE = 300.0
"""Seconds that loading the tiny checkpoint may take on a busy machine."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, deadline: float) -> None:
    """Look at ``condition`` until it holds; fail with ``what`` after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.05)


def open_descriptors() -> set[tuple[str, str]]:
    """Files and sockets that this process has open: number, and what it stands for."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since, as the one that listed them is
            found.add((descriptor.name, str(descriptor.readlink())))
    return found


def opened_since(before: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What is open now and was not ``before``; other tests' servers, still running here, may close some meanwhile."""
    return open_descriptors() - before


class ServerProcess:
    """``python -m server --model tiny`` with more ``flags``; its output goes to the file ``log``.

    ``program``: a module in the place of ``server``, and what it wants in front of the flags.

    It runs in a process group of its own, so that what it started can be found after it died.
    """

    def __init__(self, *flags: str, log: Path, program: Sequence[str] = ("server",)) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._command = [sys.executable, "-m", *program, "--model", "tiny", "--port", str(self.port), *flags]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid in self.group():
            os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        """Start it (again), on the same port."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VIBEVOICE_")}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment | {"OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self._process.poll() is None, f"the server ended: {self.log.read_text()}"
            try:
                return httpx.get(f"{self.url}/ready", timeout=5).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(ready, "the server is ready", START_DEADLINE)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the server process alone, as the kernel does when memory runs out; its worker is left behind."""
        self._process.kill()

    def wait(self, seconds: float) -> int:
        """The exit status, once it ended."""
        return self._process.wait(seconds)

    def group(self) -> list[int]:
        """The processes of its group that still run."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(") ")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(group) == self._process.pid and state != "Z":
                found.append(int(stat.parent.name))
        return found
