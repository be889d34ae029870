"""Samples of a decoded recording: short ones in memory, long ones in a mapped file, so that hours cost no memory."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from io import FileIO
from typing import Final

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples

IN_MEMORY_SECONDS: Final = 900.0
"""Recordings of up to this length are held in memory, a channel takes 86 MB then; longer ones lie on the disk."""
_AT_ONCE: Final = 1 << 24
"""Bytes."""


def on_disk(samples: int, in_memory_seconds: float) -> bool:
    """Where a channel of so many samples is kept, of which up to so many seconds are held in memory."""
    return samples > in_memory_seconds * SAMPLE_RATE


def kept(file: FileIO, count: int, in_memory_seconds: float) -> Samples:
    """The first ``count`` samples of ``file``, copied: whoever wrote it could change it later. See `on_disk`.

    Raises ValueError when there are fewer, OSError where the disk is full.
    """
    return _on_disk(file, count) if on_disk(count, in_memory_seconds) else _in_memory(file, count)


def _in_memory(file: FileIO, count: int) -> Samples:
    """From the file's end, so that what is copied can be given back and nothing is ever held twice."""
    samples = np.empty(count, np.float32)
    content = samples.data.cast("B")
    for start in reversed(range(0, len(content), _AT_ONCE)):
        piece = content[start : start + _AT_ONCE]
        file.seek(start)
        if file.readinto(piece) != len(piece):
            raise ValueError("fewer samples than there were")
        file.truncate(start)
    return samples


def _on_disk(file: FileIO, count: int) -> Samples:
    """From the end likewise. The file has no name: it is gone with the last who looks at the samples."""
    octets = count * np.dtype(np.float32).itemsize
    with tempfile.TemporaryFile(buffering=0) as copy:
        for start in reversed(range(0, octets, _AT_ONCE)):
            piece = os.pread(file.fileno(), min(_AT_ONCE, octets - start), start)
            if len(piece) != min(_AT_ONCE, octets - start):
                raise ValueError("fewer samples than there were")
            written = 0
            while written < len(piece):
                written += os.pwrite(copy.fileno(), piece[written:], start + written)
            file.truncate(start)
        mapped = mmap.mmap(copy.fileno(), octets, access=mmap.ACCESS_READ)
    return np.frombuffer(mapped, np.float32)


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
