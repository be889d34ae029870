"""Which of the words that seem to be the same are: those of runs that tell enough not to be chance.

Everything that two texts share is some word now and then. What is the same has few other words beside it: where both
windows have different words next to what they share, one of them says something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from server.transcript.stitching.likeness import likeness
from server.transcript.stitching.overlap import Match, Overlap
from server.transcript.stitching.units import Unit

NEAR: Final = 1.0
"""Seconds apart that tell nothing against two words' being one."""
SLOPE: Final = 0.35
"""What a second more takes off a match."""
_CERTAIN: Final = 1.0
"""Weight of a run that is no chance: two words, or one long one."""
_CLOSE: Final = 2.5
"""Seconds apart at most where a run is short."""
_LONG_RUN: Final = 3.0
"""Weight from which on a run's words tell more than its times."""
_DISSENT: Final = 0.7
"""What different words beside a run, opposite each other, say against it, in what the same words say for it."""
_SPOILT: Final = 1
"""Units at a window's edge that are often no words that were said."""
_FEW: Final = 2
"""Units of an overlap in which any match is believed: there is nothing else to go by."""


def believed(
    found: Sequence[Match], a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap, shift: float
) -> list[Match]:
    """The matches of runs that tell enough, and of little ones between them. Within a run one word may be another."""
    few = min(sum(unit.middle > overlap.start for unit in a), sum(unit.middle < overlap.end for unit in b)) <= _FEW
    runs = _supported(_runs(found), a, b, overlap, shift)
    certain = [
        place
        for place, run in enumerate(runs)
        if (_weight(run) >= _CERTAIN or few) and (_apart(run, a, b, shift) <= _CLOSE or _weight(run) >= _LONG_RUN)
    ]
    if not certain:
        return []
    return [
        match
        for place, run in enumerate(runs)
        if place in certain or (certain[0] < place < certain[-1] and _apart(run, a, b, shift) <= NEAR)
        for match in run
    ]


def _supported(
    runs: Sequence[list[Match]], a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap, shift: float
) -> list[list[Match]]:
    """Without runs that say less for their words' being the same than the different words around them say against it.

    The worst goes first: what stood between it and the next one speaks for or against that one then.
    """
    left = list(runs)
    while left:
        behind = [*left[1:], None]
        before = [None, *left[:-1]]
        against = [_against(*three, a, b, overlap) for three in zip(before, left, behind, strict=True)]
        late = [SLOPE * max(_apart(run, a, b, shift) - NEAR, 0.0) for run in left]
        worth = [_weight(run) - off - _DISSENT * other for run, off, other in zip(left, late, against, strict=True)]
        worst = min(range(len(left)), key=worth.__getitem__)
        if worth[worst] >= 0:
            break
        del left[worst]
    return left


def _against(
    before: Sequence[Match] | None,
    run: Sequence[Match],
    behind: Sequence[Match] | None,
    a: Sequence[Unit],
    b: Sequence[Unit],
    overlap: Overlap,
) -> float:
    """Weight of different words that stand opposite each other on both sides of a run, up to the next ones.

    Not of those at a window's very edge, which are often spoilt, and of none that the other window cannot have.
    """
    first_a, first_b = (before[-1].end_a, before[-1].end_b) if before else (0, 0)
    end_a, end_b = (behind[0].first_a, behind[0].first_b) if behind else (len(a), len(b))
    if not before and b[0].start < overlap.start + NEAR:
        first_b = min(_SPOILT, run[0].first_b)
    if not behind and a[-1].end > overlap.end - NEAR:
        end_a = max(len(a) - _SPOILT, run[-1].end_a)
    front_a = _total(unit for unit in a[first_a : run[0].first_a] if unit.middle > overlap.start)
    front_b = _total(b[first_b : run[0].first_b])
    back_a = _total(a[run[-1].end_a : end_a])
    back_b = _total(unit for unit in b[run[-1].end_b : end_b] if unit.middle < overlap.end)
    inner = 0.0
    for one, other in pairwise(run):
        inner += min(_total(a[one.end_a : other.first_a]), _total(b[one.end_b : other.first_b]))
    if _weight(run) < _CERTAIN or not any(likeness(a[match.first_a].key, b[match.first_b].key) for match in run):
        # A short word or one that an edge cut: what one window has beside it the other one would have, too.
        return inner + max(front_a, front_b, back_a, back_b)
    return inner + min(front_a, front_b) + min(back_a, back_b)


def _total(units: Iterable[Unit]) -> float:
    return sum(unit.weight for unit in units)


def _weight(run: Sequence[Match]) -> float:
    return sum(match.weight for match in run)


def _apart(run: Sequence[Match], a: Sequence[Unit], b: Sequence[Unit], shift: float) -> float:
    """Seconds between both windows' times for a run."""
    return median(abs(b[match.first_b].middle - a[match.first_a].middle - shift) for match in run)


def _runs(found: Sequence[Match]) -> list[list[Match]]:
    runs: list[list[Match]] = [[match] for match in found[:1]]
    for before, match in pairwise(found):
        if match.first_a - before.end_a <= 1 and match.first_b - before.end_b <= 1:
            runs[-1].append(match)
        else:
            runs.append([match])
    return runs
