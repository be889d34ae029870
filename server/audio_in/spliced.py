"""Stretches of a file, and bytes that were never in it, read as one file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from io import SEEK_CUR, SEEK_END
from itertools import accumulate
from typing import Protocol


class Readable(Protocol):
    """As much of a binary file as is needed to read it."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Where the next `read` begins; the new place."""

    def tell(self) -> int:
        """The place."""


class Spliced:
    """``stretches``: places in ``file``, or bytes to be read there. The file itself is nobody else's meanwhile."""

    def __init__(self, file: Readable, stretches: Sequence[range | bytes]) -> None:
        self._file = file
        self._stretches = [stretch for stretch in stretches if len(stretch)]
        self._starts = [0, *accumulate(map(len, self._stretches))]
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, all of them but at the end or where the file turned out shorter."""
        pieces = []
        while size > 0 and self._at < self._starts[-1]:
            piece = self._piece(size)
            if not piece:
                break
            pieces.append(piece)
            self._at += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As that of files."""
        base = {SEEK_CUR: self._at, SEEK_END: self._starts[-1]}.get(whence, 0)
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """As that of files."""
        return self._at

    def _piece(self, size: int) -> bytes:
        index = bisect_right(self._starts, self._at) - 1
        stretch, inside = self._stretches[index], self._at - self._starts[index]
        size = min(size, len(stretch) - inside)
        if isinstance(stretch, bytes):
            return stretch[inside : inside + size]
        self._file.seek(stretch[inside])
        return self._file.read(size)
