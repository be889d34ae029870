"""Giving freed memory back to the operating system.

glibc keeps what a process has freed. Answers and windows of ever different sizes leave gaps in it that no later tensor
fits, and a worker grows for hours without using more. Freeing large blocks at once (``MALLOC_MMAP_THRESHOLD_``) would
cure that too, but every large tensor then faults its pages in anew, which makes encoding on a CPU half as slow again.
"""

from __future__ import annotations

import ctypes
from threading import Event, Thread

TRIM_SECONDS = 10.0
"""Between two trims. One takes some milliseconds on a heap of some hundred MiB."""


def keep_trimmed(every: float = TRIM_SECONDS) -> None:
    """Start a thread that trims the heap every ``every`` seconds as long as the process lives.

    Does nothing where the C library has no ``malloc_trim`` (musl, macOS).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        Thread(target=_trim, args=(trim, every), name="heap-trim", daemon=True).start()


def _trim(trim: ctypes._NamedFuncPointer, every: float) -> None:
    never = Event()
    while not never.wait(every):
        trim(ctypes.c_size_t(0))
