"""What a window knew, for another one that goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model.seam.audio import SAMPLE_RATE, Level
from server.transcript.segments import Segment
from server.windows.block import Block

_LONGEST = 60.0
"""Seconds of a recording or session that are heard again at most, silences included."""


@dataclass(frozen=True, slots=True)
class Known:
    """With the same audio and this, another window hears what the first one heard. Places are samples of the source.

    Attributes:
        pieces: first sample of each piece of audio, and the one behind its last.
        fills: behind which sample silence was filled in, and how many samples.
        closed: segments, and each as it stands in front of answers.
        introduced: speakers whose voices stand in front of the audio.
        level: of the audio; None where it was not taken yet.
    """

    pieces: tuple[tuple[int, int], ...] = ()
    fills: tuple[tuple[int, int], ...] = ()
    closed: tuple[tuple[Segment, str], ...] = ()
    introduced: frozenset[int] = frozenset()
    level: Level | None = None

    @property
    def until(self) -> int:
        """Where its audio ends."""
        return self.pieces[-1][1] if self.pieces else 0

    def shortened(self, closed_until: float, speakers: Iterable[int]) -> Known:
        """Without the oldest audio where it is too much; whose voices (of ``speakers``) are not heard is introduced."""
        latest = self.until - round(_LONGEST * SAMPLE_RATE)
        if not self.pieces or self.pieces[0][0] >= latest:
            return self
        kept = [(segment, source) for segment, source in self.closed if round(segment.start * SAMPLE_RATE) >= latest]
        starts = [round(segment.start * SAMPLE_RATE) for segment, _ in kept]
        first = min([*starts, max(round(closed_until * SAMPLE_RATE), latest)])
        heard = {segment.speaker for segment, _ in kept}
        return Known(
            tuple((max(start, first), end) for start, end in self.pieces if end > first),
            tuple(fill for fill in self.fills if fill[0] > first),
            tuple(kept),
            frozenset(speaker for speaker in speakers if speaker not in heard),
            self.level,
        )


def merged(pieces: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Pieces in order; those that touch are one."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(end, made[-1][1])
        else:
            made.append((start, end))
    return tuple(made)


def pieces_of(blocks: Iterable[Block]) -> tuple[tuple[int, int], ...]:
    """Blocks as pieces."""
    return merged((block.start, block.end) for block in blocks)
