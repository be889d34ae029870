"""Samples that lie in a mapped file: which do, and how they are looked at without holding them all."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Final

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples

IN_MEMORY_SECONDS: Final = 900.0
"""Recordings of up to this length are held in memory, a channel takes 86 MB then; longer ones lie on the disk."""


def on_disk(samples: int, in_memory_seconds: float) -> bool:
    """Where so many samples of a channel are kept, of which up to so many seconds are held in memory."""
    return samples > in_memory_seconds * SAMPLE_RATE


def slices(samples: Samples, length: int) -> Iterator[Samples]:
    """Views of ``samples`` in order. Where they are on the disk, what was looked at leaves memory again."""
    for start in range(0, samples.size, length):
        yield samples[start : start + length]
        if start % (8 * length) == 0:
            leave_memory(samples)
    leave_memory(samples)


def leave_memory(samples: Samples) -> None:
    """What was looked at of samples on the disk is read again where somebody looks again."""
    base = samples.base
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
