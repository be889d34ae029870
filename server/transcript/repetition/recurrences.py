"""Units that come back nearly the same: with another name, another number, another ending each time."""

from __future__ import annotations

from dataclasses import dataclass

_GRAM = 5
_REMEMBERED = 4096
"""Grams after which those not seen since the last half are forgotten."""
_COVERED = 0.6
"""Of the text, which has to come back: less is no unit but a common phrase."""
_FEWEST = 3
"""Returns of a gram, at like distances, that make its text repeated."""


@dataclass(slots=True)
class _Chain:
    """A gram that comes back at like distances."""

    first: int
    last: int
    gap: int
    returns: int
    covered: int  # symbols of the text that were repeated where it began


class RecurrenceTracker:
    """Counts near-equal copies, by how often and how regularly parts of the text come back. Constant time a symbol.

    Attributes:
        copies: of a unit that most of the text is made of; 0 while there is none.
        gap: symbols from one copy to the next.
        coverage: how much of the text comes back, 0 to 1.
    """

    def __init__(self) -> None:
        self.copies = 0
        self.gap = 0
        self.coverage = 0.0
        self._chains: dict[str, _Chain] = {}
        self._tail = ""
        self._recent = ""
        self._place = -1
        self._covered = 0
        self._covered_to = -1
        self._alive_to = -1

    def unit(self) -> str:
        """The last copy, about."""
        return self._recent[-self.gap :] if self.gap else ""

    def push(self, symbol: str) -> None:
        """The next symbol."""
        self._place = place = self._place + 1
        self._tail = gram = (self._tail + symbol)[-_GRAM:]
        self._recent += symbol
        if len(self._recent) > 2 * _REMEMBERED:
            self._recent = self._recent[-_REMEMBERED:]
            self._chains = {key: c for key, c in self._chains.items() if place - c.last < _REMEMBERED}
        if len(gram) == _GRAM:
            self._recur(gram, place)
        if place > self._alive_to:
            self.copies, self.gap, self.coverage = 0, 0, 0.0

    def _recur(self, gram: str, place: int) -> None:
        chain = self._chains.get(gram)
        if chain is None:
            self._chains[gram] = _Chain(place, place, 0, 0, self._covered)
            return
        gap = place - chain.last
        if chain.returns and 0.5 * chain.gap <= gap <= 2 * chain.gap:
            chain.returns += 1
        else:
            chain.first, chain.gap, chain.returns, chain.covered = chain.last, gap, 1, self._covered
        chain.last = place
        if chain.returns >= 2:
            self._covered += min(_GRAM, place - self._covered_to)
            self._covered_to = place
        if chain.returns >= _FEWEST:
            self._see(chain, place)

    def _see(self, chain: _Chain, place: int) -> None:
        """What comes back says how often, if enough of the text comes back between."""
        length = place - chain.first
        average = length / chain.returns
        coverage = (self._covered - chain.covered) / (length - average)
        if coverage >= _COVERED:
            self.copies, self.gap, self.coverage = chain.returns + 1, round(average), min(coverage, 1.0)
            self._alive_to = place + self.gap // 2 + 2 * _GRAM  # longer is no variation of a unit
