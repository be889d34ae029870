"""Segments that one window has twice in a row and the other one once: a model says its last words again now and then.

Most of all it does so where a window's edge cut them. What people really say twice, both windows have twice; what is
short may be said twice and heard once, and goes only where there is no time for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.transcript.segments import Segment
from server.transcript.stitching.overlap import Overlap
from server.transcript.stitching.units import is_words, units_of

_SHORTEST: Final = 0.1
"""Seconds in which nobody says anything."""
_WITHIN: Final = 0.5
"""Of a segment's time, from which on it is the other one's."""
_SENTENCE: Final = 2.0
"""Weight of words that are not said twice in a row, or left out, by chance: ten letters."""


def without_repeats(own: Sequence[Segment], other: Sequence[Segment], overlap: Overlap) -> list[int]:
    """The places of ``own`` that stay. ``own``, ``other``: what two windows have near their overlap, in order."""
    said = {place: _words(segment) for place, segment in enumerate(own) if is_words(segment)}
    elsewhere = [(_words(segment), segment) for segment in other if is_words(segment)]
    stay = list(range(len(own)))
    before: int | None = None
    for place, words in said.items():
        repeat = None
        if before is not None and said[before] == words:
            same = [segment for others, segment in elsewhere if others == words]
            repeat = _repeat(own, before, place, same[0], overlap) if len(same) == 1 else None
        if repeat is not None:
            stay.remove(repeat)
        if repeat != place:
            before = place
    return stay


def _repeat(own: Sequence[Segment], first: int, second: int, once: Segment, overlap: Overlap) -> int | None:
    """Which of two segments that say the same was not said. ``once``: how the other window has them."""
    shorter, longer = sorted((first, second), key=lambda place: _length(own[place]))
    if not _inside(own[shorter], overlap):
        return None
    if _length(own[shorter]) < _SHORTEST <= _length(once):
        return shorter
    if not _inside(own[longer], overlap):
        return None
    if _at_once(own[shorter], own[longer]):
        return shorter
    if sum(unit.weight for unit in units_of([once])) < _SENTENCE:
        return None
    return max((first, second), key=lambda place: _apart(own[place], once))


def _inside(segment: Segment, overlap: Overlap) -> bool:
    """Whether both windows could have heard all of it."""
    return overlap.start <= segment.start and segment.end <= overlap.end


def _at_once(shorter: Segment, longer: Segment) -> bool:
    """Whether one speaker says both at a time."""
    common = min(shorter.end, longer.end) - max(shorter.start, longer.start)
    return shorter.speaker == longer.speaker and common >= _WITHIN * _length(shorter)


def _length(segment: Segment) -> float:
    return segment.end - segment.start


def _apart(one: Segment, other: Segment) -> float:
    return abs(one.start + one.end - other.start - other.end)


def _words(segment: Segment) -> tuple[str, ...]:
    return tuple(unit.key for unit in units_of([segment]))
