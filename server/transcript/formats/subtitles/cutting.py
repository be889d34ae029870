"""A turn cut into passages that fit a cue, where it is read best: by dynamic programming over all its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from server.transcript.formats.subtitles.options import SubtitleOptions
from server.transcript.formats.subtitles.pieces import SENTENCE, Piece

_CUE = 3.0
"""What one more cue costs: as much as a break between any two words."""
_BEGUN = 4.0
"""What a cue costs in which a sentence ends and another one begins that the next cue has to finish."""
_EMPTY = 3.0
"""What a cue costs that has as good as no text; less by the square, so that cues become about equally full."""
_HASTE = 3.0
"""What a cue costs whose words are said in no time; less the longer they take, up to the shortest cue."""
_CONSIDERED = 64
"""Ends of a cue that are weighed against each other, the last ones; no usual cue has more words. It bounds the time."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What one cue shows of one voice.

    Attributes:
        who: tells the speakers from each other.
        speaker: their names as they are shown; None where that is not to be told.
        pieces: the words.
        labelled: the speaker's name has its place in front of them.
    """

    who: int | None
    speaker: str | None
    pieces: Sequence[Piece]
    labelled: bool

    @property
    def start(self) -> float:
        return self.pieces[0].start

    @property
    def end(self) -> float:
        return self.pieces[-1].end

    @property
    def columns(self) -> int:
        """Of its words on one line."""
        return sum(piece.width + piece.spaced for piece in self.pieces) - self.pieces[0].spaced


def cut(turn: Sequence[Piece], prefix: int, every: bool, options: SubtitleOptions) -> list[Sequence[Piece]]:
    """The words of a turn in passages, none over a limit of ``options`` unless it is one word alone.

    Args:
        turn: the words, at least one.
        prefix: columns that the speaker's name takes in front of the first passage's words.
        every: and of every other passage's.
        options: the limits of a cue.
    """
    room = _Room(turn, options)
    costs = [0.0] + [float("inf")] * len(turn)
    begun = [0] * (len(turn) + 1)
    for first in range(len(turn)):
        latest = room.end(first, prefix if every or not first else 0)
        for end in range(max(first, latest - _CONSIDERED) + 1, latest + 1):
            cost = costs[first] + room.cost(first, end)
            if cost < costs[end]:
                costs[end], begun[end] = cost, first
    found: list[Sequence[Piece]] = []
    end = len(turn)
    while end:
        found.append(turn[begun[end] : end])
        end = begun[end]
    return found[::-1]


def label_fits(prefix: int, first: Piece, options: SubtitleOptions) -> bool:
    """Whether a name has a place in front of a cue that begins with ``first``: in its line, or in one of its own."""
    own_line = options.line_count > 1 and prefix - 1 <= options.line_width
    return own_line or prefix + first.width <= options.line_width


class _Room:
    """How much of a turn a cue holds, and what it costs to have it hold so much."""

    def __init__(self, turn: Sequence[Piece], options: SubtitleOptions) -> None:
        self._turn = turn
        self._options = options
        self._sums = [0, *accumulate(piece.width + piece.spaced for piece in turn)]
        self._reach = [self._fill(first, options.line_width) for first in range(len(turn))]
        self._sentences = [0, *accumulate(piece.joint == SENTENCE for piece in turn)]
        self._columns = options.line_width * options.line_count

    def _fill(self, first: int, width: int) -> int:
        """Behind the last word of a line that begins with ``first``; a word that is too wide stands alone."""
        end = first + 1
        while end < len(self._turn) and self._width(first, end + 1) <= width:
            end += 1
        return end

    def _width(self, first: int, end: int) -> int:
        return self._sums[end] - self._sums[first] - self._turn[first].spaced

    def end(self, first: int, prefix: int) -> int:
        """Behind the last word that a cue can hold which begins with ``first``, behind a name of ``prefix`` columns."""
        options = self._options
        end, lines = self._reach[first], options.line_count - 1
        if prefix and prefix + self._turn[first].width <= options.line_width:
            end = self._fill(first, options.line_width - prefix)
        elif prefix and label_fits(prefix, self._turn[first], options):
            lines -= 1  # the name stands in a line of its own
        while lines and end < len(self._turn):
            end, lines = self._reach[end], lines - 1
        readable = options.max_cps * options.max_duration - prefix
        latest = self._turn[first].start + options.max_duration
        while end > first + 1 and (self._width(first, end) > readable or self._turn[end - 1].end > latest):
            end -= 1
        return end

    def cost(self, first: int, end: int) -> float:
        """What a passage costs, the break behind it included."""
        turn = self._turn
        behind = turn[end - 1].joint if end < len(turn) else SENTENCE
        empty = 1 - self._width(first, end) / self._columns
        cost = _CUE + behind + _EMPTY * empty * empty
        if behind != SENTENCE and self._sentences[end] > self._sentences[first]:
            cost += _BEGUN
        lasting, least = turn[end - 1].end - turn[first].start, self._options.min_duration
        if lasting < least:
            cost += _HASTE * (1 - lasting / least)
        return cost
