"""Which audio of a session the model gets to hear: what somebody says, with some silence around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from server.live.ears.turns import TurnDetector, TurnEnd, TurnStart
from server.live.vocabulary.ear_places import GatePlace, TurnPlace
from server.live.vocabulary.turn_detection import TurnDetection
from server.windows.block import Block, joined

_THRESHOLD = 0.35
"""Lower than where turns begin: a missed word is worse than some noise transcribed as nothing."""
_LEAD = 0.5
"""Seconds heard before the first speech."""


@dataclass(frozen=True, slots=True)
class GatedAudio:
    """Audio for the model. ``speech``: seconds of it in which somebody speaks."""

    block: Block
    speech: float

    def joined(self, other: GatedAudio) -> GatedAudio:
        """Together with the audio right behind."""
        return GatedAudio(joined([self.block, other.block]), self.speech + other.speech)


class SpeechGate:
    """Follows consecutive frames and lets pass those around speech. Pure.

    Attributes:
        quiet: seconds since somebody spoke last, as far as frames were fed.
    """

    def __init__(self, *, frame: float, silence: float) -> None:
        """``frame``: seconds of a frame. ``silence``: seconds of it that still pass after speech."""
        self.quiet = 0.0
        self._frame = frame
        self._detector = TurnDetector(TurnDetection(_THRESHOLD, 0.0, silence), frame=frame)
        self._held: deque[Block] = deque(maxlen=max(1, round(_LEAD / frame)))

    @property
    def open(self) -> bool:
        return self._detector.speaking

    @property
    def held_from(self) -> int | None:
        """The first sample of the audio that is held back; None where none is."""
        return self._held[0].start if self._held else None

    def place(self, at: float, *, resting: bool) -> GatePlace:
        """Where it stands; ``at``: the session's time behind the last frame."""
        stands = self._detector.place(at)
        return GatePlace(at, stands.speaking, stands.run, self.quiet, resting)

    def resume(self, place: GatePlace, held: Iterable[Block]) -> None:
        """Go on like this, with these frames held back. Before any other."""
        self._detector.resume(TurnPlace(place.at, place.speaking, place.run, place.at, place.at), place.at)
        self.quiet = place.quiet
        self._held.extend(held)

    def feed(self, block: Block, probability: float) -> tuple[GatedAudio | None, bool]:
        """The next frame. Returns the audio that passes, and whether a silence was found just now."""
        turn = self._detector.feed(probability)
        speech = self._frame if probability >= _THRESHOLD else 0.0
        self.quiet = 0.0 if speech else self.quiet + self._frame
        if isinstance(turn, TurnStart):
            return GatedAudio(self._released(block), self._frame), False
        if self.open or isinstance(turn, TurnEnd):
            return GatedAudio(block, speech), isinstance(turn, TurnEnd)
        self._held.append(block)
        return None, False

    def hold(self, block: Block) -> None:
        """Audio behind the last frame that is no frame itself, while nothing passes: speech may follow right behind."""
        if self._held and self._held[-1].end == block.start:
            block = joined([self._held.pop(), block])
        self._held.append(block)

    def _released(self, block: Block) -> Block:
        """What was held back, up to this block."""
        released = joined([*self._held, block])
        self._held.clear()
        return released
