"""Where the lines of a cue break: as few as fit, about equally long, and broken where reading pauses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from server.transcript.formats.subtitles.pieces import Piece, written

_IMBALANCE = 30.0
"""What a line costs that is off by its whole width: a line of a word or two costs more than any break."""
_BALANCED = 64
"""Pieces up to which lines are balanced; no usual cue has more. It bounds the time."""


def broken(cue: Sequence[Piece], width: int, count: int) -> tuple[str, ...]:
    """The lines of a cue, of at most ``width`` columns each where no single piece is wider.

    ``count``: lines that there may be at most; pieces that need more get them.
    """
    spans = _Spans(cue)
    ends = _filled(spans, width)
    if 1 < len(ends) <= count and len(cue) <= _BALANCED:
        ends = _best_ends(spans, cue, width, len(ends)) or ends
    begins = [0, *ends[:-1]]
    return tuple(written(cue[begin:end]) for begin, end in zip(begins, ends, strict=True))


class _Spans:
    """How wide pieces are together."""

    def __init__(self, cue: Sequence[Piece]) -> None:
        self.count = len(cue)
        self._sums = [0, *accumulate(piece.width + piece.spaced for piece in cue)]
        self._spaced = [piece.spaced for piece in cue]

    def fit(self, first: int, end: int, width: int) -> bool:
        """A piece that is too wide by itself fits alone."""
        return end - first == 1 or self.width(first, end) <= width

    def width(self, first: int, end: int) -> int:
        return self._sums[end] - self._sums[first] - self._spaced[first]


def _best_ends(spans: _Spans, cue: Sequence[Piece], width: int, lines: int) -> list[int] | None:
    """Where each of exactly so many lines ends; None where that many do not do."""
    wished = spans.width(0, spans.count) / lines
    best: list[tuple[float, list[int]] | None] = [(0.0, [])] + [None] * spans.count
    for _ in range(lines):
        reached: list[tuple[float, list[int]] | None] = [None] * (spans.count + 1)
        for first, begun in enumerate(best[:-1]):
            if begun is None:
                continue
            for end in range(first + 1, spans.count + 1):
                if not spans.fit(first, end, width):
                    break
                off = (spans.width(first, end) - wished) / width
                cost = begun[0] + _IMBALANCE * off * off + (cue[end - 1].joint if end < spans.count else 0.0)
                found = reached[end]
                if found is None or cost < found[0]:
                    reached[end] = cost, [*begun[1], end]
        best = reached
    whole = best[spans.count]
    return whole[1] if whole is not None else None


def _filled(spans: _Spans, width: int) -> list[int]:
    ends, first = [], 0
    for end in range(1, spans.count + 1):
        if end == spans.count or not spans.fit(first, end + 1, width):
            ends.append(end)
            first = end
    return ends
