"""What a piece of work costs, for tests that hold it against another."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time


def thread_seconds(work: Callable[[], object]) -> float:
    """Of this thread's own: neither another thread's nor the garbage collector's count."""
    gc.collect()
    gc.disable()
    try:
        began = thread_time()
        work()
        return thread_time() - began
    finally:
        gc.enable()
