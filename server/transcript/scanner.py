"""A lenient JSON reader for answers that are still being written: text in at any split, findings out.

Each state is a method that reads ``text`` from ``at`` and returns how far it came, or None to wait for more text. Only
escapes and quotes inside a string ever wait, for a bounded number of characters; everything else is decided at once.
So the time is linear in the answer and the split into pieces changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from server.transcript.fields import Field, field_of, parse_seconds
from server.transcript.findings import (
    Content,
    ContentBegin,
    FieldValue,
    Finding,
    ObjectBegin,
    ObjectEnd,
    Outside,
    Resumed,
)
from server.transcript.json_string import closes_string, read_escape

_OUTSIDE_RUN = re.compile(r'[^\[\]{}"]+')
_BETWEEN_FIELDS = re.compile(r"[\s,:]+")
_NAME_RUN = re.compile(r'[^":,{}\[\]]+')
_SCALAR_RUN = re.compile(r'[^,{}\]"\n]+')
_STRING_RUN = re.compile(r'[^"\\]+')
_NESTED_RUN = re.compile(r'[^"\[\]{}]+')
_BLANK = re.compile(r"\s+")

_LONGEST_VALUE = 64
"""Characters kept of a key, a time or a speaker; what is longer means nothing."""

_State = Callable[[str, int], int | None]


class AnswerScanner:
    """Finds the objects of an answer and their known fields. Never raises, whatever the text.

    Attributes:
        recognised: a known key has been seen: this is JSON and not prose.
        open_arrays: brackets opened and not closed outside of objects; negative if the opening is not in the text.
        ended: the array has been closed, and what came behind it was no segment: what comes may be one.
    """

    def __init__(self) -> None:
        self.recognised = False
        self.open_arrays = 0
        self.ended = False
        self._found: list[Finding] = []
        self._state: _State = self._outside
        self._waiting = ""
        self._source: list[str] | None = None  # of the open object, in front of what a state is given
        self._source_at = 0  # where in that it goes on
        self._empty_array = False
        self._name = ""
        self._name_quoted = False
        self._field: Field | None = None
        self._value: list[str] = []
        self._value_length = 0
        self._nesting = 0

    @property
    def in_content(self) -> bool:
        """What comes next belongs to a content between quotes, or ends it."""
        return self._state == self._content

    @property
    def undecided(self) -> bool:
        """Text that was fed last may yet be content: a quote, an escape, a bare word, or all of it prose."""
        bare = self._state == self._scalar and self._field is Field.CONTENT
        return bare or bool(self._waiting) or not self.recognised

    def feed(self, text: str) -> list[Finding]:
        """Read more of the answer. Returns what is found in it, in order."""
        text = self._waiting + text
        at = 0
        while at < len(text):
            reached = self._state(text, at)
            if reached is None:
                break
            at = reached
        self._waiting = text[at:]
        if self._source is not None:
            self._source.append(text[self._source_at : at])
            self._source_at = 0
        return self._take_found()

    def finish(self) -> list[Finding]:
        """No more text: content without quotes is found as far as it goes. A time is not: ``1`` may begin ``17.5``."""
        if self._state == self._scalar and self._field is Field.CONTENT:
            self._take_value()
        return self._take_found()

    def _take_found(self) -> list[Finding]:
        found, self._found = self._found, []
        return found

    # ------------------------------------------------------------------------------------------- outside of objects

    def _outside(self, text: str, at: int) -> int:
        run = _OUTSIDE_RUN.match(text, at)
        if run is not None:
            self._empty_array = self._empty_array and run[0].isspace()
            if self.recognised:
                self._found.append(Outside(run[0]))
            return run.end()
        mark = text[at]
        if mark == "{":
            self._source, self._source_at = [], at
            self._open_object()
        elif mark == "[":
            self.open_arrays = 1 + max(0, self.open_arrays) if self.ended else 1 + self.open_arrays
            self._empty_array = True
        elif mark == "]":
            self.open_arrays -= 1
            self.ended = self.ended or (self.open_arrays <= 0 and (self.recognised or self._empty_array))
        elif mark == '"' and self.recognised and not self.ended:  # the brace before it is missing
            self._open_object()
            return at
        return at + 1

    def _open_object(self) -> None:
        self._found.append(ObjectBegin())
        self._empty_array = False
        self._state = self._between_fields

    def _close_object(self, source: str | None) -> None:
        self._found.append(ObjectEnd(source))
        self._source = None
        self._state = self._outside

    # --------------------------------------------------------------------------------------------------------- keys

    def _between_fields(self, text: str, at: int) -> int:
        run = _BETWEEN_FIELDS.match(text, at)
        if run is not None:
            return run.end()
        mark = text[at]
        if mark == "}":
            last = text[self._source_at : at + 1]
            self._close_object(None if self._source is None else "".join([*self._source, last]))
            return at + 1
        if mark in "{]":
            self._close_object(None)
            return at
        self._name, self._name_quoted, self._state = "", mark == '"', self._in_name
        return at + 1 if mark == '"' else at

    def _in_name(self, text: str, at: int) -> int:
        """Inside a key. No key has braces, commas or colons in it, so these end it even where a quote is missing."""
        run = _NAME_RUN.match(text, at)
        if run is not None:
            self._name = (self._name + run[0])[: _LONGEST_VALUE + 1]
            return run.end()
        mark = text[at]
        if mark == ":":
            self._take_name()
        elif mark == ",":
            self._take_name_alone()
        elif mark in "{}]":
            self._state = self._between_fields
            return at
        elif mark == '"' and self._name_quoted:
            self._state = self._after_name
        elif mark == '"':
            self._name, self._name_quoted = "", True
        return at + 1

    def _after_name(self, text: str, at: int) -> int:
        run = _BLANK.match(text, at)
        if run is not None:
            return run.end()
        mark = text[at]
        if mark == ",":
            self._take_name_alone()
        elif mark in "{}]":
            self._state = self._between_fields
        else:
            self._take_name()
        return at + 1 if mark in ",:" else at

    def _take_name(self) -> None:
        self._field = field_of(self._name)
        if self._field is not None:
            self._recognise()
        self._state = self._before_value

    def _recognise(self) -> None:
        self.recognised = True
        if self.ended:
            self.ended = False
            self._found.append(Resumed())

    def _take_name_alone(self) -> None:
        """A comma where a colon should be. A number there is the start in a continued answer (``{"2.99,"End":``)."""
        if self._name_quoted and parse_seconds(self._name) is not None:
            self._recognise()
            self._found.append(FieldValue(Field.START, self._name))
        self._state = self._between_fields

    # ------------------------------------------------------------------------------------------------------- values

    def _before_value(self, text: str, at: int) -> int:
        run = _BLANK.match(text, at)
        if run is not None:
            return run.end()
        mark = text[at]
        self._value, self._value_length, self._nesting = [], 0, 0
        if mark == '"' and self._field is Field.CONTENT:
            self._found.append(ContentBegin())
            self._state = self._content
        elif mark == '"':
            self._state = self._string
        elif mark == "[" and self._field is None and not (self.recognised or self.open_arrays):
            self._close_object(None)  # it only holds the list of segments: {"segments":[{"Start":
            self.open_arrays, self._empty_array = 1, True
        elif mark in "[{":
            self._state, self._nesting = self._nested, 1
        elif mark in ",}]":
            self._state = self._between_fields
            return at
        elif mark != ":":
            self._state = self._scalar
            return at
        return at + 1

    def _scalar(self, text: str, at: int) -> int:
        """A value without quotes: up to the next comma, quote, brace or line."""
        run = _SCALAR_RUN.match(text, at)
        if run is not None:
            self._extend_value(run[0])
            return run.end()
        self._take_value()
        return at

    def _string(self, text: str, at: int) -> int | None:
        """A string that is not content: a field's value, an unknown key's, or one inside a nested value."""
        run = _STRING_RUN.match(text, at)
        if run is not None:
            self._extend_value(run[0])
            return run.end()
        if text[at] == "\\":
            return at + 2 if at + 1 < len(text) else None
        if self._nesting:
            self._state = self._nested
        else:
            self._take_value()
        return at + 1

    def _nested(self, text: str, at: int) -> int:
        """An object or array as a value: no field has one, so it is skipped."""
        run = _NESTED_RUN.match(text, at)
        if run is not None:
            return run.end()
        mark = text[at]
        if mark == '"':
            self._state = self._string
        else:
            self._nesting += 1 if mark in "[{" else -1
            if not self._nesting:
                self._state = self._between_fields
        return at + 1

    def _extend_value(self, text: str) -> None:
        if self._field is Field.CONTENT or self._value_length <= _LONGEST_VALUE:
            self._value.append(text)
            self._value_length += len(text)

    def _take_value(self) -> None:
        value = "".join(self._value)
        if self._field is Field.CONTENT and value.strip() != "null":
            self._found.append(ContentBegin())
            self._found.append(Content(value))
        elif self._field is not None:
            self._found.append(FieldValue(self._field, value))
        self._state = self._between_fields

    def _content(self, text: str, at: int) -> int | None:
        run = _STRING_RUN.match(text, at)
        if run is not None:
            self._found.append(Content(run[0]))
            return run.end()
        if text[at] == "\\":
            escape = read_escape(text, at)
            if escape is None:
                return None
            self._found.append(Content(escape.text))
            return at + escape.length
        closes = closes_string(text, at)
        if closes is None:
            return None
        if closes:
            self._state = self._between_fields
        else:
            self._found.append(Content('"'))
        return at + 1
