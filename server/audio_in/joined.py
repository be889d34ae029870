"""Recordings that were joined end to end, which FFmpeg would read only the first of: found, and read one by one.

People join files byte by byte (`cat`, appended uploads, recorders that start anew), and browsers and telephones join
what they recorded before and after a pause. A container that tells its length ends there; of the others the next
container's signature is the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from io import SEEK_END

from server.audio_in.container_walk import ContainerWalk
from server.audio_in.spliced import Readable, Spliced
from server.audio_in.unended import Unended

MAX_PARTS = 1000
"""Recordings in one file that are read."""
_PADDING = 4096
"""Bytes of zeros from which on the rest is taken for zeros too."""
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")


class Part:
    """One recording in a file, which begins at ``start``. What is asked of its end is looked for when it is asked.

    ``last``: no more than these are read.

    Attributes:
        head: its first bytes.
    """

    def __init__(self, file: Readable, start: int, size: int, check: Callable[[], None], *, last: bool) -> None:
        self._file, self._start, self._size, self._last = file, start, size, last
        self._walk = ContainerWalk(file, start, size, check)
        self.head = self._walk.head

    def opened(self) -> Readable:
        """It alone, from its beginning, for one reader: each has a place of its own."""
        if (search := self._walk.search()) is not None:
            return Unended(self._file, self._start, self._size, search)
        end = self._end
        return Spliced(self._file, self._walk.stretches or [range(self._start, end)])

    @property
    def cut_short(self) -> bool:
        """Its header promises more than there is (FFmpeg would not say so)."""
        return self._end >= 0 and self._walk.cut_short

    @property
    def behind(self) -> int:
        """Bytes between it and the next one, or the file's end, that are nothing that is known here."""
        return _unknown(self._file, self._end, self.following if self.following >= 0 else self._size)

    @property
    def more(self) -> bool:
        """Others follow, but no more than these are read."""
        return self._last and self.following >= 0

    @cached_property
    def following(self) -> int:
        """Where the next one begins; -1 for none."""
        return self._walk.following(self._end)

    @cached_property
    def _end(self) -> int:
        return min(self._walk.end(), self._size)


class JoinedFile:
    """The recordings in ``file``, in order; at least one. Each is looked for once, when somebody comes to it.

    ``check`` is called before every long read.
    """

    def __init__(self, file: Readable, check: Callable[[], None]) -> None:
        self._file, self._check = file, check
        self._size = file.seek(0, SEEK_END)
        self._parts: list[Part] = []

    def __iter__(self) -> Iterator[Part]:
        place = 0
        while place < len(self._parts) or self._find():
            yield self._parts[place]
            place += 1

    def _find(self) -> bool:
        """The next one, if there is one."""
        count = len(self._parts) + 1
        start = self._parts[-1].following if self._parts else 0
        if start < 0 or count > MAX_PARTS:
            return False
        self._parts.append(Part(self._file, start, self._size, self._check, last=count == MAX_PARTS))
        return True


def _unknown(file: Readable, start: int, end: int) -> int:
    """How many bytes behind a recording are nothing that is known; 0 for what may be there: padding and tags."""
    file.seek(start)
    head = file.read(min(end - start, _PADDING))
    return 0 if head.startswith(_TAGS) or not head.strip(b"\0") else end - start
