"""What stands around the contents: brackets, keys and numbers, read one character after the other."""

from __future__ import annotations

from server.transcript.fields import Field, field_of, parse_seconds
from server.transcript.repetition.loop import LoopKind, Verdict
from server.transcript.repetition.periods import PeriodTracker

_LONGEST_VALUE = 64
_FEWEST_COPIES, _FEWEST_CHARACTERS = 8, 40
"""Of anything that has no place in an answer; a frame is shorter."""
_LONGEST_NUMBER = 24
_LONGEST_FRAME = 500
"""Characters without a content or a whole segment."""
_LONGEST_BLANK = 32


class FrameReader:
    """Reads objects up to their contents, and finds structure that repeats.

    Attributes:
        start, end: of the open object's segment, in seconds, as far as they are written.
        known: fields of the open object.
    """

    def __init__(self) -> None:
        self.start: float | None = None
        self.end: float | None = None
        self.known = 0
        self.opened = False  # a brace has been seen
        self._key = ""
        self._value: list[str] = []
        self._in_string = False
        self._escaped = False
        self._after_colon = False
        self._periods = PeriodTracker()
        self._length = 0  # since it began anew

    def begin(self) -> None:
        """Content or a whole segment has come: what repeats begins anew."""
        self._periods = PeriodTracker()
        self._length = 0

    def new_object(self) -> None:
        """What follows belongs to another segment."""
        self.start = self.end = None
        self.known = 0
        self._key, self._value, self._after_colon = "", [], False

    @property
    def opens_content(self) -> bool:
        """A quote that comes now begins a content."""
        return not self._in_string and self._after_colon and field_of(self._key) is Field.CONTENT

    def content_closed(self) -> None:
        """The content's quote has been closed."""
        self.known += 1
        self._key, self._value, self._after_colon = "", [], False

    def push(self, character: str) -> bool:
        """The next character. Returns whether it closes an object."""
        self._periods.push(character)
        self._length += 1
        if self._in_string:
            self._read_string(character)
            return False
        if character == '"':
            self._in_string, self._value = True, []
        elif character == ":":
            self._after_colon, self._value = True, []
        elif character == "{":
            self.opened = True
            self.new_object()
        elif character in ",}]":
            self._take_value()
            return character == "}"
        elif len(self._value) < _LONGEST_VALUE:
            self._value.append(character)
        return False

    def _read_string(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = False
            if not self._after_colon:
                self._key, self._value = "".join(self._value), []
        elif len(self._value) < _LONGEST_VALUE:
            self._value.append(character)

    def _take_value(self) -> None:
        if self._after_colon:
            field, value = field_of(self._key), "".join(self._value)
            if field is Field.START:
                self.start = parse_seconds(value)
            elif field is Field.END:
                self.end = parse_seconds(value)
            self.known += field is not None
        self._key, self._value, self._after_colon = "", [], False

    def judge(self) -> Verdict | None:
        """Whether what stands around contents repeats itself, or never comes to a content."""
        if self._length > _LONGEST_FRAME:
            return Verdict("", True, LoopKind.RAMBLING)
        period, copies = self._periods.period, self._periods.copies
        length = copies * period
        if period == 0 or length < _LONGEST_NUMBER:
            return None
        unit = self._periods.unit()
        if unit.isdecimal():
            return Verdict(unit, True, LoopKind.DIGITS)
        if length >= _LONGEST_BLANK and not unit.strip():
            return Verdict("", True, LoopKind.BLANKS)
        if length >= _FEWEST_CHARACTERS and copies >= _FEWEST_COPIES:
            return Verdict(unit, True, LoopKind.STRUCTURE)
        return None
