"""Audio that another session has listened to, when it comes again: what was let pass there passes here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from model.seam.audio import SAMPLE_RATE
from server.live.ears.gate import GatedAudio, SpeechGate
from server.live.vocabulary.ear_places import GatePlace
from server.windows.block import Block

_KEPT = 64
"""Frames: more than a gate holds back."""


class HeardBefore:
    """Stands in front of a gate up to the place of another session's, and then sets it there.

    Args:
        passed: pieces of audio that were let pass: first sample of each, and the one behind its last.
        place: where the other gate stood.
    """

    def __init__(self, passed: Iterable[tuple[int, int]], place: GatePlace) -> None:
        self.place = place
        self._until = round(place.at * SAMPLE_RATE)
        self._coming = list(passed)
        self._last = self._coming[-1][1] if self._coming else 0
        self._behind: deque[Block] = deque(maxlen=_KEPT)

    @property
    def coming(self) -> tuple[tuple[int, int], ...]:
        """What is still to come of the pieces."""
        return tuple(self._coming)

    def pieces(self, block: Block) -> Iterator[GatedAudio]:
        """What of the next audio was let pass. Somebody may speak in all of it."""
        while self._coming and self._coming[0][0] < block.end:
            start, end = self._coming.pop(0)
            part = block.behind(start).before(end)
            if end > block.end:
                self._coming.insert(0, (block.end, end))
            if part.samples.size:
                yield GatedAudio(part, part.seconds)

    def rest(self, frame: Block, gate: SpeechGate) -> Block | None:
        """What of a frame the gate has yet to judge, and sets it there: the first that it has to. None before."""
        if frame.end <= self._until:
            self._behind.append(frame)
            return None
        gate.resume(self.place, [held for held in self._behind if held.start >= self._last])
        return frame.behind(self._until)
