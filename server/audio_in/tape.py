"""Samples of one channel in the order in which they come, and no longer than somebody needs them."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from threading import Lock
from typing import Final

import numpy as np

from model.seam.audio import Samples
from server.audio_in.kept_samples import on_disk
from server.audio_in.launch import file_in_memory

_SAMPLE_BYTES: Final = np.dtype(np.float32).itemsize
_AT_ONCE: Final = 1 << 22
"""Bytes."""


class Tape:
    """They lie in a file without a name: in memory, and on the disk where there are too many. From any thread.

    ``in_memory_seconds``: of samples, up to which they are held in memory.

    Attributes:
        start: the first that is still there.
        size: how many came.
    """

    def __init__(self, in_memory_seconds: float) -> None:
        self.start = self.size = 0
        self._in_memory_seconds = in_memory_seconds
        self._in_memory = True
        self._file = file_in_memory("tape")
        self._lock = Lock()

    def take(self, file: FileIO, count: int, skipped: int = 0) -> None:
        """The next are the first ``count`` in ``file`` but for those ``skipped``; it is emptied.

        They are copied: whoever wrote them could change them later. Raises ValueError when there are fewer, OSError
        where there is no room for them.
        """
        with self._lock:
            if self._in_memory and on_disk(self.size + count - skipped - self.start, self._in_memory_seconds):
                self._move()
            at = self.size * _SAMPLE_BYTES
            for piece in _pieces(file.fileno(), skipped * _SAMPLE_BYTES, count * _SAMPLE_BYTES):
                _write(self._file, piece, at)
                at += len(piece)
            file.truncate(0)
            self.size += max(0, count - skipped)

    def fill(self, size: int) -> None:
        """Silence until there are ``size`` samples. Raises OSError."""
        with self._lock:
            self._file.truncate(size * _SAMPLE_BYTES)
            self.size = size

    def keep_on_disk(self) -> None:
        """From now on, and what is there already. Raises OSError."""
        with self._lock:
            if self._in_memory:
                self._move()

    def stretch(self, first: int, last: int) -> Samples:
        """A view of the samples between two numbers, as far as they are there; silence where forgotten later."""
        with self._lock:
            first, last = max(first, self.start), min(last, self.size)
            if first >= last:
                return np.zeros(0, np.float32)
            page = _page_of(first)
            length = last * _SAMPLE_BYTES - page
            mapped = mmap.mmap(self._file.fileno(), length, access=mmap.ACCESS_READ, offset=page)
        return np.frombuffer(mapped, np.float32, offset=first * _SAMPLE_BYTES - page)

    def forget(self, before: int) -> None:
        """Nobody asks for the samples before this one any more, nor looks at them: their room is given back.

        Where the file system knows no holes it is given back with the tape.
        """
        with self._lock:
            before = min(before, self.size)
            first, last = _page_of(self.start), _page_of(before)
            self.start = max(self.start, before)
            if last > first and hasattr(mmap, "MADV_REMOVE"):
                with suppress(OSError), mmap.mmap(self._file.fileno(), last - first, offset=first) as hole:
                    hole.madvise(mmap.MADV_REMOVE)

    def close(self) -> None:
        """Views of it stay."""
        self._file.close()

    def _move(self) -> None:
        with tempfile.TemporaryFile(buffering=0) as unnamed:
            moved = FileIO(os.dup(unnamed.fileno()), "r+")
        try:
            at = _page_of(self.start)
            for piece in _pieces(self._file.fileno(), at, self.size * _SAMPLE_BYTES):
                _write(moved, piece, at)
                at += len(piece)
        except BaseException:
            moved.close()
            raise
        self._file.close()
        self._file, self._in_memory = moved, False


def _page_of(sample: int) -> int:
    """Where the page begins in which a sample lies."""
    octets = sample * _SAMPLE_BYTES
    return octets - octets % mmap.ALLOCATIONGRANULARITY


def _pieces(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = os.pread(descriptor, min(_AT_ONCE, end - start), start)
        if not piece:
            raise ValueError("fewer samples than there were")
        yield piece
        start += len(piece)


def _write(file: FileIO, piece: bytes, at: int) -> None:
    written = 0
    while written < len(piece):
        written += os.pwrite(file.fileno(), piece[written:], at + written)
