"""The worker's heap gives freed memory back."""

import subprocess
import sys

import pytest

HOLES = """
import ctypes
from pathlib import Path
from threading import Event

from server.engine.worker.heap import keep_trimmed


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
blocks = [libc.malloc(64 * 1024) for _ in range(1600)]
for block in blocks:
    ctypes.memset(block, 1, 64 * 1024)
full = resident()
for block in blocks[:-1]:
    libc.free(block)
assert full - resident() < 20 * 2**20, "the last block keeps the heap from shrinking by itself"
keep_trimmed(every=0.01)
pause = Event()
for _ in range(1000):
    if full - resident() > 80 * 2**20:
        break
    pause.wait(0.01)
else:
    raise SystemExit("freed memory stayed with the process")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc; glibc keeps what is freed")
def test_freed_memory_between_blocks_in_use_goes_back() -> None:
    subprocess.run([sys.executable, "-c", HOLES], check=True, timeout=60)
