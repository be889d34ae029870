"""Repetition inside one content: letters, words, sentences, paragraphs, said over and over."""

from __future__ import annotations

from server.transcript.repetition.loop import LoopKind, Verdict
from server.transcript.repetition.needs import COUNTED, VARIED, exact_need
from server.transcript.repetition.periods import PeriodTracker
from server.transcript.repetition.recurrences import RecurrenceTracker
from server.transcript.repetition.speaking_time import (
    LETTERS_PER_SECOND,
    is_said,
    least_seconds,
    load,
    may_ramble,
    rambles,
)
from server.transcript.repetition.units import normal_unit

_FEWEST_HELD = 8
"""Symbols that have come back before they are held: people do say no, no, no."""
_FEWEST_ALIKE = 4
"""Copies that are nearly equal before they are held."""
_FEWEST_MARKS = 12
"""Copies of what nobody says, such as marks and blanks."""
_MARKS = 32
_MARGIN = 0.3
"""Seconds that a segment's times may be wrong by."""


class ContentTracker:
    """Reads one segment's content, one character after the other.

    Attributes:
        exact: a unit has come back whole, and goes on.
        alike: a unit comes back nearly the same.
        dense: it is more than anybody says in its time.
        least: seconds that the content takes at least, so far.
        unsaid: characters since the last one that is said.
    """

    def __init__(self, seconds: float, *, marks: int = _MARKS) -> None:
        """``seconds``: from the segment's start to its end, as far as there is audio. ``marks``: characters from which
        marks and blanks that come back are a loop, whatever the time."""
        self.exact = False
        self.alike = False
        self.dense = False
        self.least = 0.0
        self.unsaid = 0
        self.text: list[str] = []
        self._seconds, self._marks = seconds, marks
        self._periods = PeriodTracker()
        self._recurrences = RecurrenceTracker()
        self._in_number = False

    @property
    def once(self) -> int:
        """Characters up to the end of the first copy of what comes back whole; all of them where nothing does."""
        return len(self.text) - (self._periods.matched if self.exact else 0)

    def push(self, character: str, *, spoken: bool = True) -> Verdict | None:
        """The next character, unescaped. One that is not ``spoken`` takes no time, such as those of a label."""
        symbol = character.lower()[0]
        self.text.append(symbol)
        self.least += least_seconds(symbol) if spoken else 0.0
        self.unsaid = 0 if spoken and is_said(symbol) else self.unsaid + 1
        self._periods.push(symbol)
        digit = symbol.isdecimal()
        if not (digit and self._in_number):
            self._recurrences.push("#" if digit else symbol)
        self._in_number = digit
        verdict = None
        period, matched = self._periods.period, self._periods.matched
        self.exact = period > 0 and matched >= max(period, _FEWEST_HELD)
        if self.exact and matched >= 4 * period:
            verdict = self._exact(period)
        part = matched >= 2 * period >= 2 * self._recurrences.gap  # of what comes back whole
        self.alike = self._recurrences.copies >= _FEWEST_ALIKE and not part
        if self.alike:
            alike = self._alike()
            verdict = verdict or alike
        self.dense = may_ramble(self.least, self._seconds)
        if verdict is None and self.dense and rambles(self.least, self._seconds):
            verdict = Verdict("", True, LoopKind.RAMBLING)
        return verdict

    def root(self) -> str:
        """The content normalised; its unit where it is nothing but that over and over."""
        text = "".join(self.text)
        period, matched = self._periods.period, self._periods.matched
        if period and matched + period >= len(text) and matched >= period:
            return " ".join(text[:period].split())
        return " ".join(text.split())

    def _exact(self, period: int) -> Verdict | None:
        copies = self._periods.copies
        unit = self._periods.unit()
        haste = load(self.least, self._seconds, _MARGIN)
        if self.unsaid >= period:
            if copies < _FEWEST_MARKS or copies * period < self._marks:
                return None
            return Verdict(unit.strip(), True, LoopKind.CHARACTERS if unit.strip() else LoopKind.BLANKS)
        letters = sum(map(least_seconds, unit)) * LETTERS_PER_SECOND
        if copies < exact_need(unit, letters).copies(haste):
            return None
        kind = LoopKind.WORDS
        if not any(map(str.isalpha, unit)):
            kind = LoopKind.DIGITS
        elif period == 1:
            kind = LoopKind.CHARACTERS
        return Verdict(normal_unit(unit), haste >= 1, kind)

    def _alike(self) -> Verdict | None:
        tracker = self._recurrences
        unit = tracker.unit()
        haste = load(self.least, self._seconds, _MARGIN)
        need = COUNTED if "#" in unit and tracker.coverage > 0.9 else VARIED
        self.alike = tracker.copies >= need.held(haste, _FEWEST_ALIKE)
        if tracker.copies < need.copies(haste) or not any(map(is_said, unit.replace("#", "1"))):
            return None
        kind = LoopKind.WORDS if any(map(str.isalpha, unit)) else LoopKind.DIGITS
        return Verdict(normal_unit(unit), haste >= 1, kind)
