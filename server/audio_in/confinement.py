"""What a decoder gives up before it sees the first byte that somebody sent. Nothing of it can be taken back."""

from __future__ import annotations

import importlib
import pkgutil
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

import av

from server.audio_in.seccomp import filter_calls

MAX_MEMORY = 1 << 30
"""Bytes of address space. The libraries reserve a quarter of it and use less."""
MAX_DESCRIPTORS = 32
"""Numbers of descriptors that may be given out: the pipe, eight channels and the file need half of them."""
_SCORE = 900
"""Of 1000, for the kernel that looks for whom to end when the machine is out of memory: a file is decoded again, while
the worker's end delays all requests, and the server's ends them."""


def import_all() -> None:
    """Import what the libraries otherwise import when a file needs it."""
    for part in pkgutil.walk_packages(av.__path__, "av."):
        importlib.import_module(part.name)
    importlib.import_module("numpy.fft")


def confine() -> bool:
    """Limit what this process can do to the machine and see of it; nothing can be imported any more.

    Returns whether the kernel took the filter of system calls (`seccomp`). The rest holds without it as well.
    """
    import_all()
    if sys.platform == "linux":
        with suppress(OSError):  # no /proc
            Path("/proc/self/oom_score_adj").write_text(str(_SCORE), "ascii")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # to all processes of a terminal or a service
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold somebody's recording
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return filter_calls()
