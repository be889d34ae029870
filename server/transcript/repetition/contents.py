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
)
from server.transcript.repetition.units import normal_unit

_FEWEST_HELD = 8
"""Symbols that have come back before they are held: people do say no, no, no."""
_FEWEST_ALIKE = 4
"""Copies that are nearly equal before they are held."""
_MARGIN = 0.3
"""Seconds that a segment's times may be wrong by."""


class ContentTracker:
    """Reads one segment's content, one character after the other.

    Attributes:
        exact: a unit has come back whole, and goes on.
        alike: a unit comes back nearly the same.
        least: seconds that the content takes at least, so far.
    """

    def __init__(self, seconds: float) -> None:
        """``seconds``: from the segment's start to its end, as far as there is audio."""
        self.exact = False
        self.alike = False
        self.least = 0.0
        self.text: list[str] = []
        self._seconds = seconds
        self._periods = PeriodTracker()
        self._recurrences = RecurrenceTracker()
        self._in_number = False

    def push(self, character: str) -> Verdict | None:
        """The next character, unescaped."""
        symbol = character.lower()[0]
        self.text.append(symbol)
        self.least += least_seconds(symbol)
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
        if not any(map(is_said, unit)):
            if copies < 12 or copies * period < 32:
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
