"""Which words of two windows are the same words: the best alignment of both texts where the windows overlap.

The best of all alignments is found, in which words that are nearly the same count nearly as much, words said far apart
count less, and words side by side in both texts count more. What is left of it is what can be believed (`belief`).
Takes time in proportion to the overlap, since words more than some seconds apart are never compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Final

from server.transcript.stitching.belief import NEAR, SLOPE, believed
from server.transcript.stitching.likeness import likeness, part_of
from server.transcript.stitching.overlap import BLUR, Match, Overlap
from server.transcript.stitching.units import Unit

_FARTHEST: Final = 6.0
"""Seconds between two estimates of when a word is said, at most. Estimates within a long segment are off by seconds."""
_GAP: Final = 0.5
"""What a word costs that the other text does not have, in its own weight."""
_EXCHANGE: Final = 0.8
"""What two different words cost that stand for each other."""
_LEAST: Final = 1e-6
"""What a match is worth at least: more than two words that stand for each other."""
_NEXT: Final = 0.4
"""What a match is worth more right behind another one."""
_DRIFT: Final = (0.5, 2.0)
"""Seconds between which a shift between both windows' times is taken out; a greater one is no shift, but a repeat."""


def align(a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap) -> list[Match]:
    """What both have in common, in order. ``a``, ``b``: units of the earlier and the later window near the overlap."""
    if not a or not b or not overlap.seconds:
        return []
    found = _Alignment(a, b, overlap, 0.0).matches()
    if found:
        shift = median(b[match.first_b].middle - a[match.first_a].middle for match in found)
        if _DRIFT[0] < abs(shift) < _DRIFT[1]:
            found = _Alignment(a, b, overlap, shift).matches()
            return believed(found, a, b, overlap, shift)
    return believed(found, a, b, overlap, 0.0)


@dataclass(frozen=True, slots=True)
class _Text:
    """One unit, or two as if written as one word."""

    key: str
    weight: float
    at: float


def _texts(units: Sequence[Unit], count: int) -> list[_Text]:
    """Of each ``count`` units in a row."""
    rows = [units[first : first + count] for first in range(len(units) - count + 1)]
    return [_Text("".join(unit.key for unit in row), sum(unit.weight for unit in row), row[0].middle) for row in rows]


class _Alignment:
    """The table of best scores, by how much of each text is aligned: ``best``, and ``matched`` ending in a match."""

    def __init__(self, a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap, shift: float) -> None:
        self._a, self._b, self._shift = a, b, shift
        self._start, self._end = overlap.start, overlap.end
        self._texts_a, self._texts_b = ((_texts(units, 1), _texts(units, 2)) for units in (a, b))
        self._gaps_a = [_GAP * unit.weight if unit.middle > overlap.start else 0.0 for unit in a]
        self._gaps_b = [_GAP * unit.weight if unit.middle < overlap.end else 0.0 for unit in b]
        self._bands = _bands(a, b, shift)
        self._best: list[list[float]] = []
        self._matched: list[list[float]] = []
        self._fill()

    def _fill(self) -> None:
        for row, (low, high) in enumerate(self._bands):
            best: list[float] = []
            matched: list[float] = []
            self._best.append(best)
            self._matched.append(matched)
            for column in range(low, high + 1):
                match = self._match(row, column)[0]
                matched.append(match)
                best.append(0.0 if row == column == 0 else max(match, self._other(row, column)[0]))

    def _at(self, table: list[list[float]], row: int, column: int) -> float:
        if row < 0:
            return -inf
        low, high = self._bands[row]
        return table[row][column - low] if low <= column <= high and column - low < len(table[row]) else -inf

    def _other(self, row: int, column: int) -> tuple[float, int, int]:
        """The best score that does not end in a match here, and how many units of each text are its last step."""
        steps = [(-inf, 0, 0)]
        if row:
            steps.append((self._at(self._best, row - 1, column) - self._gaps_a[row - 1], 1, 0))
        if column:
            steps.append((self._at(self._best, row, column - 1) - self._gaps_b[column - 1], 0, 1))
        if row and column:
            heavier = max(self._a[row - 1].weight, self._b[column - 1].weight)
            steps.append((self._at(self._best, row - 1, column - 1) - _EXCHANGE * heavier, 1, 1))
        return max(steps)

    def _match(self, row: int, column: int) -> tuple[float, int, int]:
        """The best score that ends in a match here, and how many units of each text match."""
        found = (-inf, 0, 0)
        for units_a, units_b in ((1, 1), (1, 2), (2, 1)):
            if units_a > row or units_b > column:
                continue
            one, other = self._texts_a[units_a - 1][row - units_a], self._texts_b[units_b - 1][column - units_b]
            alike = self._alike(row, column) if units_a == units_b else float(one.key == other.key)
            apart = abs(other.at - one.at - self._shift)
            if not alike or apart > _FARTHEST or not self._in_both(one.at, other.at):
                continue
            before = max(
                self._at(self._best, row - units_a, column - units_b),
                self._at(self._matched, row - units_a, column - units_b) + _NEXT,
            )
            outside = max(self._start - one.at, 0.0) + max(other.at - self._end, 0.0)
            score = min(one.weight, other.weight) * alike * alike - SLOPE * max(apart + outside - NEAR, 0.0)
            found = max(found, (before + max(score, _LEAST), units_a, units_b))
        return found

    def _in_both(self, at_a: float, at_b: float) -> bool:
        """Whether a word may be in both windows; one that each has where the other has not begun or ended is not."""
        inside = at_a >= self._start - BLUR and at_b <= self._end + BLUR
        return inside and (at_a >= self._start or at_b <= self._end)

    def _alike(self, row: int, column: int) -> float:
        one, other = self._a[row - 1].key, self._b[column - 1].key
        alike = likeness(one, other)
        if not alike and row == len(self._a):
            alike = part_of(one, other, front=True)
        if not alike and column == 1:
            alike = part_of(other, one, front=False)
        return alike

    def matches(self) -> list[Match]:
        """What matches on the best way through the table."""
        row, column = len(self._a), len(self._b)
        found = []
        in_match = False  # the step behind counted on a match here
        while row or column:
            match = self._match(row, column)
            if in_match or match[0] >= self._other(row, column)[0]:
                _, units_a, units_b = match
                first_a, first_b = row - units_a, column - units_b
                weight = min(self._texts_a[units_a - 1][first_a].weight, self._texts_b[units_b - 1][first_b].weight)
                found.append(Match(first_a, row, first_b, column, weight))
                in_match = self._at(self._matched, first_a, first_b) + _NEXT > self._at(self._best, first_a, first_b)
            else:
                _, units_a, units_b = self._other(row, column)
                in_match = False
            row, column = row - units_a, column - units_b
        return found[::-1]


def _bands(a: Sequence[Unit], b: Sequence[Unit], shift: float) -> list[tuple[int, int]]:
    """For each number of ``a``'s units how many of ``b``'s, at least and at most, may be aligned with them."""
    times = [unit.middle - shift for unit in b]
    bands = [(0, 0)]
    low = high = 0
    for unit in a:
        while high < len(b) and times[high] <= unit.middle + _FARTHEST:
            high += 1
        while low < high and times[low] < unit.middle - _FARTHEST:
            low += 1
        bands.append((min(low, bands[-1][1]), high))
    bands[-1] = bands[-1][0], len(b)
    return bands
