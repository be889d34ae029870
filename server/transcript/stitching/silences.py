"""Stretches without words where two windows overlap: each window's own up to the cut, or behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import merge
from typing import Final

from server.transcript.segments import Segment
from server.transcript.stitching.units import is_words

_TOUCHING: Final = 0.5
"""Seconds between two stretches of the same kind that are one, cut by a window's end."""


def with_tags(words: Sequence[Segment], a: Iterable[Segment], b: Iterable[Segment], at: float) -> list[Segment]:
    """``words`` in their order and, by its start, what else both windows have. ``at``: where the later one takes over.

    Words are never put in another order: what one window left out stands where the other one has it, whatever both
    windows' times say.
    """
    early = [segment for segment in a if not is_words(segment) and segment.start <= at]
    late = [segment for segment in b if not is_words(segment) and (segment.end > at or segment.start >= at)]
    if early and late and _one(early[-1], late[0]):
        early[-1] = replace(early[-1], end=max(early[-1].end, late[0].end))
        del late[0]
    tags = [*early, *(replace(segment, start=max(segment.start, at)) for segment in late)]
    tags.sort(key=lambda segment: segment.start)
    return list(merge(words, tags, key=lambda segment: segment.start))


def _one(early: Segment, late: Segment) -> bool:
    return early.text == late.text and early.speaker == late.speaker and late.start <= early.end + _TOUCHING
