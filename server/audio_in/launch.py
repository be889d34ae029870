"""How the processes come up that decode what strangers sent, and what each is given."""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from typing import Final

from server.audio_in.deaths import DeathReason, reason_of

START_SECONDS = 60.0

_INHERITED: Final = frozenset(
    {"LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME"}
)
"""All that a decoder sees of the server's environment, which holds keys, tokens and the addresses of proxies."""
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""NumPy's threads are of no use here, and on large machines the memory they reserve would fill the child's limit."""
_LAST_SECONDS: Final = 2.0
_LAST_WORDS: Final = 2_000
"""Bytes of what a process complained about."""


def environment(of: Mapping[str, str]) -> dict[str, str]:
    """What a decoder gets of the server's environment, with this process's imports."""
    kept = {name: value for name, value in of.items() if name in _INHERITED}
    return kept | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(sys.path)}


class Child(subprocess.Popen[bytes]):
    """``python -m module`` with this standard input, and open descriptors that its arguments name.

    It has no output. What it complains about is kept in memory, for whoever wants to know why it died.
    """

    def __init__(self, module: str, stdin: int, *descriptors: int, arguments: Sequence[str] = ()) -> None:
        self._complaints = file_in_memory("complaints")
        super().__init__(
            [sys.executable, "-m", module, *map(str, descriptors), *arguments],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            pass_fds=descriptors,
            env=environment(os.environ),
        )

    def grant(self, cpu_seconds: float, file_bytes: int) -> None:
        """From now on it may compute for so long and write files of this size. It cannot grant itself more.

        Raises ProcessLookupError when it has ended.
        """
        if sys.platform != "linux":
            return
        seconds = math.ceil((self.cpu_seconds or 0.0) + cpu_seconds)
        with suppress(PermissionError):  # some containers forbid it
            for limit, value in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, file_bytes)):
                _, most = resource.prlimit(self.pid, limit)
                resource.prlimit(self.pid, limit, (value if most == resource.RLIM_INFINITY else min(value, most), most))

    @property
    def cpu_seconds(self) -> float | None:
        """How long it has computed; None where the system does not tell, or no longer."""
        if sys.platform != "linux" or self.returncode is not None:
            return None
        try:
            return time.clock_gettime((~self.pid << 3) | 2)  # as clock_getcpuclockid(3) makes it
        except OSError:
            return None

    @property
    def last_words(self) -> str:
        """The end of what it complained about."""
        descriptor = self._complaints.fileno()
        start = max(0, os.fstat(descriptor).st_size - _LAST_WORDS)
        return os.pread(descriptor, _LAST_WORDS, start).decode(errors="replace").strip()

    def cause(self) -> DeathReason:
        """Why it ended, asked when it has left the pipe. May take a moment: the pipe is the first that it lets go."""
        try:
            return reason_of(self.wait(_LAST_SECONDS))
        except subprocess.TimeoutExpired:  # it lives, but to nobody's use
            self.kill()
            return DeathReason.CRASHED

    def end(self) -> None:
        """Kill it and wait for that."""
        self.kill()
        self.wait()
        self._complaints.close()


class Idleness:
    """For how long a process that should compute has not: whoever stopped it, or what it waits for, tells nobody."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._first = self._last = child.cpu_seconds
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was last seen to compute; 0 where the system does not tell."""
        now = self._child.cpu_seconds
        if now is None or now != self._last:
            self._last, self._since = now, time.monotonic()
        return time.monotonic() - self._since

    @property
    def computed(self) -> float:
        """CPU seconds since the beginning."""
        now = self._child.cpu_seconds
        return now - self._first if now is not None and self._first is not None else 0.0


def file_in_memory(name: str) -> FileIO:
    """An empty file, nowhere but in memory where the system has such files."""
    if sys.platform == "linux":
        return FileIO(os.memfd_create(name), "r+")
    with tempfile.TemporaryFile(buffering=0) as file:
        return FileIO(os.dup(file.fileno()), "r+")
