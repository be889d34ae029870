"""Which words of two windows are the same words: the best alignment of both texts where the windows overlap.

The best of all alignments is found, in which words that are nearly the same count nearly as much, words said far apart
count less, and words side by side in both texts count more. What is left of it are runs that tell enough not to be
chance. Takes time in proportion to the overlap, since words more than some seconds apart are never compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median
from typing import Final

from server.transcript.stitching.likeness import likeness
from server.transcript.stitching.units import Unit

_FARTHEST: Final = 10.0
"""Seconds between two estimates of when a word is said, at most. Estimates within a long segment are off by seconds."""
_NEAR: Final = 1.0
"""Seconds apart that tell nothing against two words' being one."""
_SLOPE: Final = 0.25
"""What a second more takes off a match."""
_GAP: Final = 0.5
"""What a word costs that the other text does not have, in its own weight."""
_EXCHANGE: Final = 0.8
"""What two different words cost that stand for each other."""
_NEXT: Final = 0.4
"""What a match is worth more right behind another one."""
_CERTAIN: Final = 1.0
"""Weight of a run that is no chance: two words, or one long one."""
_CLOSE: Final = 2.5
"""Seconds apart at most where a run is short."""
_LONG_RUN: Final = 3.0
"""Weight from which on a run's words tell more than its times."""
_FEW: Final = 2
"""Units of an overlap in which any match is believed: there is nothing else to go by."""
_DRIFT: Final = 0.5
"""Seconds from which on a shift between both windows' times is taken out."""


@dataclass(frozen=True, slots=True)
class Match:
    """Units ``a[first_a:end_a]`` and ``b[first_b:end_b]`` are the same: one each, or two on one side written apart."""

    first_a: int
    end_a: int
    first_b: int
    end_b: int
    weight: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """The time that two windows have in common, in seconds of the recording. Its end may lie before its start."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        """As far from the one window's end as from the other one's start."""
        return (self.start + self.end) / 2

    @property
    def seconds(self) -> float:
        """Its length, at least 0."""
        return max(self.end - self.start, 0.0)


def align(a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap) -> list[Match]:
    """What both have in common, in order. ``a``, ``b``: units of the earlier and the later window near the overlap."""
    if not a or not b or not overlap.seconds:
        return []
    found = _Alignment(a, b, overlap, 0.0).matches()
    if found:
        shift = median(b[match.first_b].middle - a[match.first_a].middle for match in found)
        if abs(shift) > _DRIFT:
            found = _Alignment(a, b, overlap, shift).matches()
            return _believed(found, a, b, overlap, shift)
    return _believed(found, a, b, overlap, 0.0)


class _Alignment:
    """The table of best scores, by how much of each text is aligned: ``best``, and ``matched`` ending in a match."""

    def __init__(self, a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap, shift: float) -> None:
        self._a, self._b, self._shift = a, b, shift
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
            first_a, first_b = row - units_a, column - units_b
            if first_a < 0 or first_b < 0:
                continue
            before = max(self._at(self._best, first_a, first_b), self._at(self._matched, first_a, first_b) + _NEXT)
            if before == -inf:
                continue
            score = self._score(self._a[first_a:row], self._b[first_b:column])
            if score > 0:
                found = max(found, (before + score, units_a, units_b))
        return found

    def _score(self, part_a: Sequence[Unit], part_b: Sequence[Unit]) -> float:
        if len(part_a) == len(part_b):
            alike = likeness(part_a[0].key, part_b[0].key)
            weight = min(part_a[0].weight, part_b[0].weight)
        else:
            alike = float("".join(unit.key for unit in part_a) == "".join(unit.key for unit in part_b))
            weight = min(sum(unit.weight for unit in part_a), sum(unit.weight for unit in part_b))
        if not alike:
            return 0.0
        apart = abs(part_b[0].middle - part_a[0].middle - self._shift)
        return max(weight * alike * alike - _SLOPE * max(apart - _NEAR, 0.0), 1e-6) if apart <= _FARTHEST else 0.0

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
                weight = min(
                    sum(unit.weight for unit in self._a[first_a:row]),
                    sum(unit.weight for unit in self._b[first_b:column]),
                )
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


def _believed(
    found: Sequence[Match], a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap, shift: float
) -> list[Match]:
    """The matches of runs that tell enough. One word on each side may be another within a run."""
    few = min(sum(unit.middle > overlap.start for unit in a), sum(unit.middle < overlap.end for unit in b)) <= _FEW
    believed: list[Match] = []
    for run in _runs(found):
        weight = sum(match.weight for match in run)
        apart = median(abs(b[match.first_b].middle - a[match.first_a].middle - shift) for match in run)
        if (weight >= _CERTAIN or few) and (apart <= _CLOSE or weight >= _LONG_RUN):
            believed += run
    return believed


def _runs(found: Sequence[Match]) -> list[list[Match]]:
    runs: list[list[Match]] = [[match] for match in found[:1]]
    for before, match in pairwise(found):
        if match.first_a - before.end_a <= 1 and match.first_b - before.end_b <= 1:
            runs[-1].append(match)
        else:
            runs.append([match])
    return runs
