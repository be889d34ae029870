"""Where the parts of a multipart body begin and end (RFC 2046 5.1), fed with the body as it comes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from server.http.forms.errors import InvalidForm

_MAX_PREAMBLE: Final = 1 << 16
_MAX_HEADERS: Final = 1 << 13
_MAX_PADDING: Final = 256
"""Spaces behind a boundary, which some gateways add (RFC 2046: transport padding)."""
_LF: Final = 0x0A
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_LINE_END: Final = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class PartBegin:
    """A part begins. ``headers``: its header lines as they came."""

    headers: bytes


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part's content, at least one."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part's content is complete."""


Event = PartBegin | PartData | PartEnd


class _State(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    DATA = auto()
    BOUNDARY = auto()
    """Behind something that reads like a boundary; what follows on its line decides."""
    END = auto()


class MultipartParser:
    """Finds the parts; knows nothing of what they mean.

    Lenient with what clients do and cannot be misunderstood: text before the first and after the last boundary, spaces
    behind a boundary, lines that end with a line feed alone (as the first boundary's line does), parts without headers.

    Args:
        boundary: as the Content-Type names it, without the dashes that come before.
    """

    def __init__(self, boundary: bytes) -> None:
        self._dashed = b"--" + boundary
        self._delimiter = b"\r\n" + self._dashed
        self._buffer = b""
        self._state = _State.PREAMBLE
        self._skipped = 0
        self._at_line_start = True  # in the preamble

    @property
    def begun(self) -> bool:
        """Whether the first boundary has come. What has none is no form."""
        return self._state is not _State.PREAMBLE

    @property
    def ended(self) -> bool:
        """Whether the last boundary has come. A form that stops before is cut off."""
        return self._state is _State.END

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are certain with these bytes; to be exhausted before the next call. Raises InvalidForm."""
        self._buffer = self._buffer + data if self._buffer else data
        while True:
            before = self._state, len(self._buffer)
            match self._state:
                case _State.PREAMBLE:
                    self._skip_preamble()
                case _State.HEADERS:
                    yield from self._read_headers()
                case _State.DATA:
                    yield from self._read_data()
                case _State.BOUNDARY:
                    yield from self._read_boundary()
                case _State.END:
                    self._buffer = b""
            if before == (self._state, len(self._buffer)):
                return

    def _skip_preamble(self) -> None:
        """To the first line that is a boundary. It shows how this client ends its lines."""
        found = self._buffer.find(self._dashed)
        while found >= 0:
            rest = self._buffer[found + len(self._dashed) :]
            if (self._buffer[found - 1] == _LF if found else self._at_line_start) and _may_end(rest):
                self._read_first_boundary(found, rest)
                return
            found = self._buffer.find(self._dashed, found + 1)
        self._drop(max(0, len(self._buffer) - len(self._dashed)))
        if self._skipped > _MAX_PREAMBLE:
            raise InvalidForm("The body does not begin with the boundary that its Content-Type names.")

    def _read_first_boundary(self, found: int, rest: bytes) -> None:
        line, feed, _ = rest.partition(b"\n")
        if rest.startswith(b"--"):
            self._state = _State.END
        elif feed:
            self._delimiter = (b"\r\n" if line.endswith(b"\r") else b"\n") + self._dashed
            self._drop(found + len(self._dashed) + len(line) + 1)
            self._state = _State.HEADERS
        else:
            self._drop(found)

    def _drop(self, octets: int) -> None:
        if octets:
            self._at_line_start = self._buffer[octets - 1] == _LF
            self._skipped += octets
            self._buffer = self._buffer[octets:]

    def _read_headers(self) -> Iterator[Event]:
        if (none := _LINE_END.match(self._buffer)) is not None:
            headers, end = b"", none.end()
        elif (blank := _BLANK_LINE.search(self._buffer)) is not None:
            headers, end = self._buffer[: blank.start()], blank.end()
        else:
            headers, end = self._buffer, 0
        if len(headers) > _MAX_HEADERS:
            raise InvalidForm(f"The headers of a part may have {_MAX_HEADERS} bytes.")
        if end:
            self._buffer = self._buffer[end:]
            self._state = _State.DATA
            yield PartBegin(headers)

    def _read_data(self) -> Iterator[Event]:
        """Up to the next delimiter; without one all but what may be the begin of it."""
        end = self._buffer.find(self._delimiter)
        if end >= 0:
            self._state = _State.BOUNDARY
            rest = self._buffer[end + len(self._delimiter) :]
        else:
            end = self._buffer.find(self._delimiter[:1], max(0, len(self._buffer) - len(self._delimiter) + 1))
            end = len(self._buffer) if end < 0 else end
            rest = self._buffer[end:]
        data, self._buffer = self._buffer[:end], rest
        if data:
            yield PartData(data)

    def _read_boundary(self) -> Iterator[Event]:
        if not _may_end(self._buffer):  # the delimiter begins a longer word, and is content
            self._state = _State.DATA
            yield PartData(self._delimiter)
        elif self._buffer.startswith(b"--"):
            self._state = _State.END
            yield PartEnd()
        elif (feed := self._buffer.find(b"\n")) >= 0:
            self._buffer = self._buffer[feed + 1 :]
            self._state = _State.HEADERS
            yield PartEnd()


def _may_end(rest: bytes) -> bool:
    """Whether ``rest``, behind a boundary, ends it or is the begin of what does: two dashes, or the end of the line."""
    line, feed, _ = rest[:_MAX_PADDING].partition(b"\n")
    if rest.startswith(b"--") or rest == b"-":
        return True
    return not line.strip(b" \t\r") and (bool(feed) or len(line) < _MAX_PADDING)
