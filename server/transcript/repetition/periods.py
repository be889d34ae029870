"""The tail of a text that repeats exactly, kept while the text grows by one symbol after the other."""

from __future__ import annotations

_GRAM = 5
"""Symbols by which a place is recognised: the distance to where they last stood is a period to try."""
_LOOK_BACK = 64
"""Symbols at most by which a run that is found begins earlier than at its gram."""
_REMEMBERED = 8192
"""Symbols after which those before the last half are forgotten: longer periods are not found."""


class PeriodTracker:
    """Finds the period of the longest periodic tail. Amortised constant time and bounded memory.

    Attributes:
        period: of the tail; 0 while nothing repeats.
        matched: symbols of the tail that are equal to those a period before.
    """

    def __init__(self) -> None:
        self.period = 0
        self.matched = 0
        self._symbols: list[str] = []
        self._last: dict[str, int] = {}  # where a gram last ended
        self._tail = ""

    @property
    def copies(self) -> float:
        """How often the unit stands there, the first time included."""
        return 1 + self.matched / self.period if self.period else 1.0

    def unit(self) -> str:
        """The last copy."""
        return "".join(self._symbols[-self.period :]) if self.period else ""

    def push(self, symbol: str) -> None:
        """The next symbol."""
        symbols = self._symbols
        place = len(symbols)
        symbols.append(symbol)
        if self.period:
            if symbols[place - self.period] == symbol:
                self.matched += 1
            else:
                self.period = self.matched = 0
        self._tail = gram = (self._tail + symbol)[-_GRAM:]
        if place >= _GRAM - 1:
            before = self._last.get(gram)
            self._last[gram] = place
            if before is not None and not self.period:
                self._begin(place, before)
        if place >= _REMEMBERED:
            self._forget()

    def _begin(self, place: int, before: int) -> None:
        symbols, period = self._symbols, place - before
        matched = _GRAM
        furthest = min(before + 1, _LOOK_BACK)
        while matched < furthest and symbols[place - matched] == symbols[before - matched]:
            matched += 1
        self.period, self.matched = period, matched

    def _forget(self) -> None:
        kept = self._symbols[-_REMEMBERED // 2 :]
        gone = len(self._symbols) - len(kept)
        self._symbols = kept
        self._last = {gram: place - gone for gram, place in self._last.items() if place - gone >= _GRAM - 1}
        if self.period >= len(kept):
            self.period = self.matched = 0
