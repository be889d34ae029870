"""A JSON object that comes in parts: its long texts are taken out on the way, so that the rest is short."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import from_json

MAX_DEPTH: Final = 64
"""No request here needs more than four."""
MAX_VALUES: Final = 20_000
"""Each costs some hundred bytes when it is read, and some microseconds on the way."""

_QUOTE, _BACKSLASH = b'"', b"\\"
_STRUCTURE: Final = re.compile(rb'["{}\[\],:]')
_STRING_MARK: Final = re.compile(rb'["\\]')
_SPACES: Final = re.compile(rb"[ \t\r\n]+")
_DATA: Final = "data"
_MAX_KEY: Final = 64
_SHORT_ESCAPES: Final = {ord("b"): b"\b", ord("f"): b"\f", ord("n"): b"\n", ord("r"): b"\r", ord("t"): b"\t"}
_HEX_ESCAPE: Final = 6
"""Bytes of ``\\u002f``."""
_NOT_ASCII: Final = b"\xff"


class JsonTooComplex(ValueError):  # noqa: N818 - it is said of the text
    """Objects in objects in objects, or more values than any request has."""


@dataclass(frozen=True, slots=True)
class TextBegin:
    """One of the texts that are taken out begins. ``param``: the member of the object that it is, or is in."""

    param: str


@dataclass(frozen=True, slots=True)
class TextData:
    """The next bytes of the text, without JSON's escapes. What is not ASCII is no letter of base64 either way."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TextEnd:
    """The text is complete."""


Event = TextBegin | TextData | TextEnd

Wanted = Callable[[Sequence[str]], str | None]
"""From the names that lead to a text, outermost first and "" for a place in a list, to the member that it is taken out
as; None for one that stays.
"""


def member_or_data(params: Collection[str]) -> Wanted:
    """The texts at ``param`` or ``param.data`` for each of some members of the outermost object."""

    def wanted(path: Sequence[str]) -> str | None:
        found = path[0] in params and (len(path) == 1 or (len(path) == 2 and path[1] == _DATA))
        return path[0] if found else None

    return wanted


class JsonScanner:
    """Finds the texts that are wanted.

    What else there is stays in `rest`, where the texts that were taken out are replaced by their numbers, as texts:
    "0" is the first that came. Nothing is checked but what the scanner needs to find its way: `rest` is valid JSON if
    the whole is, and whoever reads it will notice.

    Attributes:
        rest: so far, with less space.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.rest = bytearray()
        self._wanted = wanted
        self._kinds: list[int] = []  # the brackets that are open
        self._path: list[str] = []  # in each of them the key of the value that comes
        self._expects_key = False
        self._values = 0
        self._string: _String | None = None
        self._escape = b""  # that is not complete
        self._taken = 0

    def feed(self, text: bytes) -> Iterator[Event]:
        """The events of these bytes; to be exhausted before the next call. Raises JsonTooComplex."""
        at = 0
        while at < len(text):
            if self._string is None:
                at = self._scan_structure(text, at)
                if self._string is not None and self._string.param is not None:
                    yield TextBegin(self._string.param)
            else:
                at = yield from self._scan_string(self._string, text, at)

    # ------------------------------------------------------------------------------------------ between the strings

    def _scan_structure(self, text: bytes, at: int) -> int:
        """Up to the next string. Returns where that begins."""
        begin = at
        for mark in _STRUCTURE.finditer(text, at):
            character = mark[0]
            if character == _QUOTE:
                self._keep(text[begin : mark.start()])
                self._begin_string()
                return mark.end()
            self._note(character[0])
        self._keep(text[begin:])
        return len(text)

    def _note(self, character: int) -> None:
        match character:
            case 0x7B | 0x5B:  # { [
                self._kinds.append(character)
                self._path.append("")
                self._expects_key = character == 0x7B
                self._count()
                if len(self._kinds) > MAX_DEPTH:
                    raise JsonTooComplex
            case 0x7D | 0x5D:  # } ]
                if self._kinds:
                    self._kinds.pop()
                    self._path.pop()
                self._expects_key = False
            case 0x2C:  # ,
                self._expects_key = bool(self._kinds) and self._kinds[-1] == 0x7B
                self._count()
            case _:
                self._expects_key = False

    def _count(self) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise JsonTooComplex

    def _keep(self, text: bytes) -> None:
        self.rest += _SPACES.sub(b" ", text)

    # ------------------------------------------------------------------------------------------------ in the strings

    def _begin_string(self) -> None:
        value = bool(self._path) and not self._expects_key
        self._string = _String(is_key=self._expects_key, param=self._wanted(self._path) if value else None)
        if self._string.param is None:
            self.rest += _QUOTE

    def _scan_string(self, string: _String, text: bytes, at: int) -> Generator[Event, None, int]:
        """Up to the string's end. Returns what comes behind it."""
        if self._escape:
            at = yield from self._continue_escape(string, text, at)
            if self._escape:
                return at
        while at < len(text):
            mark = _STRING_MARK.search(text, at)
            yield from self._take(string, text[at : mark.start()] if mark else text[at:])
            if mark is None:
                return len(text)
            if mark[0] == _QUOTE:
                yield from self._end_string(string)
                return mark.end()
            at = mark.start()
            length = _escape_length(text[at : at + 2])
            if length is None or at + length > len(text):
                self._escape = text[at:]
                return len(text)
            yield from self._take_escape(string, text[at : at + length])
            at += length
        return at

    def _continue_escape(self, string: _String, text: bytes, at: int) -> Generator[Event, None, int]:
        whole = self._escape + text[at : at + _HEX_ESCAPE]
        length = _escape_length(whole[:2])
        if length is None or length > len(whole):
            self._escape = whole
            return len(text)
        taken = length - len(self._escape)
        self._escape = b""
        yield from self._take_escape(string, whole[:length])
        return at + taken

    def _take(self, string: _String, text: bytes) -> Iterator[Event]:
        if not text:
            return
        if string.param is not None:
            yield TextData(text)
            return
        self.rest += text
        if string.is_key and len(string.key) <= _MAX_KEY:
            string.key += text[: _MAX_KEY + 1]

    def _take_escape(self, string: _String, escape: bytes) -> Iterator[Event]:
        yield from self._take(string, escape if string.param is None else _unescaped(escape))

    def _end_string(self, string: _String) -> Iterator[Event]:
        self._string = None
        if string.param is not None:
            self.rest += b'"%d"' % self._taken
            self._taken += 1
            yield TextEnd()
            return
        self.rest += _QUOTE
        if string.is_key:
            self._path[-1] = _name(bytes(string.key))


@dataclass(slots=True)
class _String:
    """One that has begun. ``key``: its text as it is written; ``param``: that of one which is taken out."""

    is_key: bool
    param: str | None
    key: bytearray = field(default_factory=bytearray)


def _escape_length(begin: bytes) -> int | None:
    """Bytes of an escape that begins so; None where that is not known yet."""
    if len(begin) < 2:
        return None
    return _HEX_ESCAPE if begin[1:2] == b"u" else 2


def _unescaped(escape: bytes) -> bytes:
    """One byte. JSON that writes ``/`` as ``\\/`` and ``+`` as ``\\u002b`` is common."""
    if len(escape) == 2:
        return _SHORT_ESCAPES.get(escape[1], escape[1:])
    try:
        code = int(escape[2:], 16)
    except ValueError:
        return _NOT_ASCII
    return bytes([code]) if code < 0x80 else _NOT_ASCII


def _name(key: bytes) -> str:
    """A key without escapes; nothing where it is none."""
    try:
        return str(from_json(_QUOTE + key + _QUOTE))
    except ValueError:
        return ""
