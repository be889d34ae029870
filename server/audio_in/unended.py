"""A recording whose end in a file is looked for no further than it is read."""

from __future__ import annotations

from io import SEEK_CUR, SEEK_END

from server.audio_in.signatures import StartSearch
from server.audio_in.spliced import Readable


class Unended:
    """``file`` from ``start`` on, up to where ``search`` finds that another recording begins, or to its ``size``.

    Until that is known it seems to go on to the end of the file: for those who read it from front to back.
    """

    def __init__(self, file: Readable, start: int, size: int, search: StartSearch) -> None:
        self._file, self._start, self._size, self._search = file, start, size, search
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, all of them but at the end."""
        first = self._start + self._at
        self._search.reach(first + size)
        last = min(first + size, self._end)
        if last <= first:
            return b""
        self._file.seek(first)
        content = self._file.read(last - first)
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As that of files."""
        base = {SEEK_CUR: self._at, SEEK_END: self._end - self._start}.get(whence, 0)
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """As that of files."""
        return self._at

    @property
    def _end(self) -> int:
        """As far as it is known."""
        found = self._search.found
        return self._size if found is None or found < 0 else found
