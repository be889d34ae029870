"""How far the boundaries of segments are from where they are in the reference."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from server.evaluation.turns import Turn


def boundary_errors(reference: Sequence[Turn], told: Sequence[Turn]) -> tuple[float, ...]:
    """Seconds by which the start and the end of each turn are off in the turn that shares most time with it.

    Turns that share time with none have no error here: their words are missing, which other figures count. All turns
    have times.
    """
    spans = sorted(turn.span for turn in told if turn.span is not None)
    errors: list[float] = []
    first = 0
    for start, end in sorted(turn.span for turn in reference if turn.span is not None):
        while first < len(spans) and spans[first][1] <= start:
            first += 1
        behind = bisect_left(spans, (end,))
        near = [span for span in spans[first:behind] if span[1] > start]
        if near:
            best = max(near, key=lambda span: min(span[1], end) - max(span[0], start))
            errors += [abs(best[0] - start), abs(best[1] - end)]
    return tuple(errors)
