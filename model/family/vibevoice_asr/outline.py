"""How the JSON of an answer goes on: constant keys, and numbers as far as they can be told beforehand. No torch.

Times and speakers follow the answer so far: a segment starts where the last one ended, lasts as long as segments of
this recording do (of its end only the whole seconds are guessed), and is spoken by whoever spoke next the last time
that the same two had spoken.
"""

from __future__ import annotations

import re
from collections import deque
from statistics import median

_FIRST, _NEXT = '[{"Start":', '"},{"Start":'
_END, _SPEAKER, _CONTENT = ',"End":', ',"Speaker":', ',"Content":"'
_LONGEST = 128
"""Characters of JSON between two contents; more is something else."""
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_ENTRY = re.compile(rf'"Start":(?P<start>{_NUMBER}),"End":(?P<end>{_NUMBER})(?:,"Speaker":(?P<speaker>{_NUMBER}))?,')
_DIGITS = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?)?")
_TAG = re.compile(r"\[[^\[\]]*\]")
_STOPS = ".!?。！？…"
_LENGTHS = 7
"""Segments that tell how long the next one will be."""


class JsonOutline:
    """See ``model.family.Outline``."""

    def __init__(self, header: str) -> None:
        """``header``: text in front of an answer."""
        self._header = header
        self.in_content = False
        self._written = ""  # since the last content ended
        self._content = ""  # the last characters of the open content, or of a short one all
        self._escaped = False
        self._asked = False  # the header is written
        self._begun = False  # a segment is
        self._end = "0"
        self._lengths: deque[float] = deque(maxlen=_LENGTHS)
        self._speakers: tuple[str | None, ...] = ()  # the last two
        self._followed: dict[tuple[str | None, ...], str | None] = {}  # who spoke next after one speaker, or two
        self._stops: dict[str, tuple[int, int]] = {}  # tokens that end with a full stop, and those that ended a content

    def follow(self, text: str) -> None:
        """The text of the next token."""
        stopped = self._content[-1:] if self.in_content else ""
        if self.in_content and not self._escaped and '"' not in text and "\\" not in text:
            self._content = (self._content + text)[-_LONGEST:]
        else:
            for character in text:
                (self._say if self.in_content else self._write)(character)
        if stopped and stopped in _STOPS:
            seen, ended = self._stops.get(stopped, (0, 0))
            self._stops[stopped] = seen + 1, ended + text.startswith('"')

    def foreseen(self, *, unread: bool = False) -> str:
        """What comes next as far as it can be told; empty where it cannot, as inside a content.

        ``unread``: the next token is chosen already, so that the first digit only has to stand for any.
        """
        if self.in_content:
            return self._behind("", unread=unread) if self._ends() else ""
        return self._behind(self._written, unread=unread)

    def _say(self, character: str) -> None:
        if self._escaped or character == "\\":
            self._escaped = not self._escaped
        elif character == '"':
            self.in_content, self._written = False, ""
            self._write(character)
            return
        self._content = (self._content + character)[-_LONGEST:]

    def _write(self, character: str) -> None:
        self._written = (self._written + character)[-_LONGEST:]
        if self._written.endswith(self._header):
            self._written, self._asked = "", True
        elif self._written.endswith(_CONTENT):
            self._remember()
            self.in_content, self._asked, self._begun, self._content = True, True, True, ""

    def _remember(self) -> None:
        entry = _ENTRY.search(self._written)
        if entry is None:
            return
        self._end = entry["end"]
        self._lengths.append(max(0.0, float(entry["end"]) - float(entry["start"])))
        for count in range(1, len(self._speakers) + 1):
            self._followed[self._speakers[-count:]] = entry["speaker"]
        self._speakers = (*self._speakers, entry["speaker"])[-2:]

    def _ends(self) -> bool:
        """The content may well be over: a tag is closed, or a full stop that mostly ends contents here."""
        if _TAG.fullmatch(self._content):
            return True
        seen, ended = self._stops.get(self._content[-1:], (0, 0))
        return ended * 2 > seen

    def _behind(self, written: str, *, unread: bool) -> str:
        """What follows ``written``, the text since the last content."""
        if not written and not self._asked:
            return ""
        foreseen, numbers = "", dict[str, str]()
        for key in self._keys(written):
            if not key.startswith(written[: len(key)]):
                return ""
            foreseen += key[len(written) :]
            written = written[len(key) :]
            if key == _CONTENT:
                break
            found = _DIGITS.match(written)
            numbers[key] = found.group() if found else ""
            written = written[len(numbers[key]) :]
            if written:
                continue
            more, whole = self._number(key, numbers, any_digit="0" if unread and not foreseen else "")
            foreseen += more
            numbers[key] += more
            if not whole:
                break
        return foreseen

    def _keys(self, written: str) -> list[str]:
        spoken = _SPEAKER[:3] in written or (_CONTENT[:3] not in written and self._speaker() is not None)
        return [_NEXT if self._begun else _FIRST, _END, *([_SPEAKER] if spoken else []), _CONTENT]

    def _number(self, key: str, numbers: dict[str, str], *, any_digit: str) -> tuple[str, bool]:
        """How the number of this key goes on, and whether that is all of it."""
        digits = numbers[key]
        if key == _SPEAKER:
            return _rest(self._speaker() or "0", digits) or "", True
        if key != _END and (rest := _rest(self._end, digits)) is not None:
            return rest, True
        _, point, decimals = digits.partition(".")
        if point:
            last = any_digit if len(decimals) == 1 else ""
            return last, len(decimals + last) == 2
        if key != _END:
            return "." if int(digits) >= int(float(self._end)) else "", False
        start = float(next(iter(numbers.values())) or 0)
        return _whole_seconds(start, start + median(self._lengths) if self._lengths else start, digits), False

    def _speaker(self) -> str | None:
        """Who may speak next; None where nobody does."""
        for count in (2, 1):
            if self._speakers[-count:] in self._followed:
                return self._followed[self._speakers[-count:]]
        return self._speakers[-1] if self._speakers else "0"


def _rest(number: str, digits: str) -> str | None:
    """The digits behind ``digits`` if the number begins with them."""
    return number[len(digits) :] if number.startswith(digits) else None


def _whole_seconds(start: float, expected: float, digits: str) -> str:
    """What makes ``digits`` the seconds of a time not before ``start`` and nearest to ``expected``; with the point."""
    lowest, highest = (int(digits), int(digits)) if digits else (0, 10**6)
    while highest < int(start):
        lowest, highest = lowest * 10, highest * 10 + 9
    return _rest(f"{min(max(lowest, int(expected)), highest)}.", digits) or ""
