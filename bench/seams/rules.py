"""Simple rules for the same cases, to hold the stitcher against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.seams.cases import Case
from bench.seams.score import common
from server.transcript.segments import Segment
from server.transcript.stitching.likeness import likeness
from server.transcript.stitching.units import Unit, units_of


def middle(case: Case) -> list[Segment]:
    """Cut at the middle of the overlap, by the words' own times."""
    a, b, at = _both(case)
    return _segments([unit for unit in a if unit.middle < at], [unit for unit in b if unit.middle >= at])


def longest_common(case: Case) -> list[Segment]:
    """Cut at the word of the longest common subsequence that is nearest to the middle."""
    a, b, at = _both(case)
    start, end = case.b.start, case.a.end
    first = next((place for place, unit in enumerate(a) if unit.middle > start), len(a))
    last = next((place for place, unit in enumerate(b) if unit.middle > end), len(b))
    pairs = common([(unit.key, None) for unit in a[first:]], [(unit.key, None) for unit in b[:last]])
    return _cut(a, b, [(first + i, j) for i, j in pairs], at) or middle(case)


def nearly_equal(case: Case) -> list[Segment]:
    """Cut at two words in a row that are nearly the same on both sides within 2.5 s, nearest to the middle."""
    a, b, at = _both(case)
    pairs = [
        (i, j)
        for i in range(1, len(a))
        for j in range(1, len(b))
        if abs(a[i].middle - b[j].middle) < 2.5
        and likeness(a[i].key, b[j].key)
        and likeness(a[i - 1].key, b[j - 1].key)
    ]
    return _cut(a, b, pairs, at) or middle(case)


RULES: dict[str, Callable[[Case], list[Segment]]] = {
    "middle, by word": middle,
    "longest common subsequence": longest_common,
    "two nearly equal words": nearly_equal,
}


def _both(case: Case) -> tuple[list[Unit], list[Unit], float]:
    a, b = (units_of(window.heard().placed()) for window in (case.a, case.b))
    return a, b, (case.b.start + case.a.end) / 2


def _cut(a: Sequence[Unit], b: Sequence[Unit], pairs: Sequence[tuple[int, int]], at: float) -> list[Segment]:
    if not pairs:
        return []
    i, j = min(pairs, key=lambda pair: abs(a[pair[0]].middle - at) + abs(b[pair[1]].middle - at))
    return _segments(a[: i + 1], b[j + 1 :])


def _segments(*sides: Sequence[Unit]) -> list[Segment]:
    return [replace(unit.segment, text=unit.text) for units in sides for unit in units]
