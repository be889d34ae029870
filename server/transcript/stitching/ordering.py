"""Segments in the order in which a model writes them, which is that of their starts, though single times are wrong.

Starts are wrong most of all where there is music in front of words, and where a number is garbled.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Final

from server.transcript.segments import Segment
from server.transcript.stitching.units import is_words

_AT_ONCE: Final = 1.0
"""Seconds by which one may begin in front of the other where two speak at the same time: both are nearly right."""


def in_order(segments: Sequence[Segment], begin: float) -> list[Segment]:
    """The same segments, none of which begins before the one in front of it, or before ``begin``.

    As many of those with words as can be keep their times. The others, and what is no words, are put between those.
    """
    right = _right(segments)
    nexts, following = [inf] * len(segments), inf
    for place in range(len(segments) - 1, -1, -1):
        nexts[place] = following
        if place in right:
            following = segments[place].start
    placed: list[Segment] = []
    first = behind = begin  # where the last one begins, and where the last words end
    for place, (segment, following) in enumerate(zip(segments, nexts, strict=True)):
        if place not in right:
            segment = _between(segment, first, min(behind, following), following)
        placed.append(segment)
        first = segment.start
        behind = segment.end if is_words(segment) else behind
    return placed


def _right(segments: Sequence[Segment]) -> set[int]:
    """The places of the most words whose starts only grow; of two that could be wrong it is the later one."""
    tails: list[float] = []  # by length of a chain from behind: the latest start that one can have in front
    chain: list[int] = []
    before: dict[int, int | None] = {}
    for place in range(len(segments) - 1, -1, -1):
        if not is_words(segments[place]):
            continue
        length = bisect_right(tails, -segments[place].start)
        before[place] = chain[length - 1] if length else None
        tails[length:] = [-segments[place].start, *tails[length + 1 :]]
        chain[length:] = [place, *chain[length + 1 :]]
    kept: set[int] = set()
    last = chain[-1] if chain else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


def _between(segment: Segment, first: float, behind: float, following: float) -> Segment:
    """It begins at ``first`` at the earliest and at ``following`` at the latest; where it is far off, ``behind``."""
    if segment.start < first:
        near = first - segment.start <= _AT_ONCE or segment.end <= first
        start = first if near else min(max(behind, first), segment.end)
        return replace(segment, start=start, end=max(start, segment.end))
    if segment.start > following:
        if segment.start - following <= _AT_ONCE:
            return replace(segment, start=following)
        return replace(segment, start=max(behind, first), end=following)
    return segment
