"""Where an answer stands: in which segment, at which time, and how it would be closed there."""

from __future__ import annotations

from model.family import Grammar
from server.transcript.fields import Field, parse_seconds
from server.transcript.findings import Content, ContentBegin, FieldValue, ObjectBegin, ObjectEnd
from server.transcript.scanner import AnswerScanner
from server.transcript.segments import UNINTELLIGIBLE

_TAIL = 16
"""Characters that are kept of what stands between two segments."""
_USUAL, _FASTEST = 13.0, 22.0
"""Characters a second, of speech in scripts with letters: by what was said of a segment, how far into it that was."""
_SYLLABLES, _LETTERS_OF_ONE = 0x2E80, 2.5
"""From here on a character is a syllable or a word, which takes as long as so many letters."""


class Place:
    """Reads the text that stands. Seconds are those of the audio that is answered.

    Attributes:
        closed: segments that are whole.
        until: where the last of them ends.
    """

    def __init__(self, grammar: Grammar, seconds: float) -> None:
        """``grammar``: of the answers. ``seconds``: of the audio."""
        self._grammar = grammar
        self._seconds = seconds
        self._scanner = AnswerScanner()
        self._tail = ""
        self._times: dict[Field, float] = {}  # of the open segment
        self._said = 0.0  # letters of its content
        self.closed = 0
        self.until = 0.0

    def read(self, text: str) -> None:
        """More of it."""
        self._tail = (self._tail + text)[-_TAIL:]
        for finding in self._scanner.feed(text):
            match finding:
                case ObjectBegin():
                    self._times, self._said = {}, 0.0
                case FieldValue(field, value) if (seconds := parse_seconds(value)) is not None:
                    self._times.setdefault(field, seconds)
                case ContentBegin():
                    self._said = 0.0
                case Content(said):
                    self._said += sum(_LETTERS_OF_ONE if ord(character) >= _SYLLABLES else 1.0 for character in said)
                case ObjectEnd():
                    self.closed += 1
                    self.until = max(self.until, self._inside(self._times.get(Field.END, 0.0)))

    @property
    def in_content(self) -> bool:
        """Words of a segment are being written."""
        return self._scanner.in_content

    @property
    def prose(self) -> bool:
        """Something was written that is not in segments: there is nothing to close."""
        return not self._scanner.recognised and any(map(str.isalnum, self._tail))

    @property
    def now(self) -> float:
        """The time at which it stands: behind the words that are written, or the last segment."""
        return self._reached(_USUAL) if self.in_content else self.until

    @property
    def open_times(self) -> tuple[float, float]:
        """Start and end of the open segment, as it says, and within the audio."""
        start = self._inside(self._times.get(Field.START, self.until))
        return start, self._inside(self._times.get(Field.END, start))

    @property
    def head(self) -> str:
        """An answer that stands where this one does, without what was said before.

        Of the open segment there is as much time left as there was, had it been said as fast as anybody can.
        """
        if not self.in_content:
            return "["
        segment = self._grammar.segment(self._reached(_FASTEST), self.open_times[1], 0, "")
        return self._grammar.opening([segment]).removesuffix('"}')

    def claimed(self, text: str) -> list[float]:
        """Where the open segment ends, and those of the ``text`` that would follow, as they say, wherever that is."""
        ends = [self._times[Field.END]] if self.in_content and Field.END in self._times else []
        scanner = AnswerScanner()
        scanner.feed(self.head)
        for finding in scanner.feed(text):
            if isinstance(finding, FieldValue) and finding.field is Field.END:
                ends += [seconds] if (seconds := parse_seconds(finding.value)) is not None else []
        return ends

    def gap(self, end: float) -> str:
        """What leads from here to a segment that begins at ``end``, over something that nobody could understand."""
        written = self._grammar.segment(self.now, end, None, UNINTELLIGIBLE)
        return self._behind(f"{written},{self._grammar.begun(end)}")

    def ending(self, *, gap: bool) -> str:
        """What leads from here to the answer's end; ``gap``: the rest of the audio could not be understood."""
        between = self._between
        if gap or "{" in between:
            return self._behind(self._grammar.segment(self.now, self._seconds, None, UNINTELLIGIBLE) + "]")
        if self.in_content:
            return '"}]'
        return "]" if self.closed else "[]".removeprefix(between)

    @property
    def _between(self) -> str:
        """What stands behind the last segment, or in front of the first."""
        last = self._tail.rpartition("}")[2] if self.closed else self._tail
        return "".join(last[max(0, last.find("[")) :].split())

    def _reached(self, letters: float) -> float:
        """The time behind the words of the open segment, of which each second has so many letters."""
        start, end = self.open_times
        return min(max(start, end), start + self._said / letters)

    def _inside(self, seconds: float) -> float:
        return min(max(seconds, 0.0), self._seconds)

    def _behind(self, segments: str) -> str:
        """``segments`` as they are written here."""
        if self.in_content:
            return f'"}},{segments}'
        whole = f",{segments}" if self.closed else f"[{segments}"
        return whole.removeprefix(self._between)
