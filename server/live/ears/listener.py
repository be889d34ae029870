"""The ears of a session: audio in, what the model is to hear and where turns begin and end out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples
from server.live.ears.gate import GatedAudio, SpeechGate
from server.live.ears.turns import TurnDetector, TurnEvent, TurnIdle, TurnResume, TurnStart
from server.live.ears.vad import SpeechDetector
from server.live.vocabulary.turn_detection import TurnDetection
from server.windows.block import Block

_FRAME = round(SpeechDetector.FRAME * SAMPLE_RATE)
"""Samples of a frame at 24 kHz."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nobody has spoken for a while. ``long``: for so long that the session can rest."""

    long: bool


Finding = GatedAudio | TurnEvent | TurnIdle | Quiet


class Listener:
    """Listens to one session in order, at first without looking for turns. Times: seconds of the session.

    Args:
        silence: nobody spoke for this long: what comes then is kept from the model.
        release: nobody spoke for this long: the session can rest.
    """

    def __init__(self, *, silence: float, release: float) -> None:
        self._release = release
        self._detector = SpeechDetector()
        self._gate = SpeechGate(frame=SpeechDetector.FRAME, silence=silence)
        self._unjudged = np.zeros(0, np.float32)
        self._judged = 0  # samples
        self._resting = True
        self._turns: TurnDetector | None = None

    @property
    def until(self) -> float:
        """The end of the audio heard so far."""
        return (self._judged + self._unjudged.size) / SAMPLE_RATE

    def set_turns(self, turns: TurnDetection | None) -> None:
        """Look for turns in this way from now on. A turn that is open goes on, and ends in the new way."""
        if turns is None:
            self._turns = None
        elif self._turns is None:
            self._turns = TurnDetector(turns, frame=SpeechDetector.FRAME, start=self._judged / SAMPLE_RATE)
        else:
            self._turns.adjust(turns)

    async def hear(self, samples: Samples) -> list[Finding]:
        """The next audio, of any length. The detector runs in a thread. Returns what was found, in order."""
        self._unjudged = np.concatenate([self._unjudged, samples])
        probabilities = await asyncio.to_thread(self._detector.probabilities, samples)
        return [finding for probability in probabilities for finding in self._judge(self._next(_FRAME), probability)]

    def rest(self) -> GatedAudio | None:
        """What is left of a frame, taken for more of the same: before a flush. None where it is silence so far."""
        block = self._next(self._unjudged.size)
        if self._gate.open:
            return GatedAudio(block, 0.0) if block.samples.size else None
        self._gate.hold(block)
        return None

    def _next(self, samples: int) -> Block:
        block = Block(self._judged, self._unjudged[:samples])
        self._unjudged = self._unjudged[samples:]
        self._judged += block.samples.size
        return block

    def _judge(self, block: Block, probability: float) -> Iterator[Finding]:
        audio, silent = self._gate.feed(block, probability)
        turn = self._turns.feed(probability) if self._turns else None
        if isinstance(turn, TurnStart | TurnResume):
            yield turn
            turn = None
        if audio:
            self._resting = False
            yield audio
        if turn:
            yield turn
        if silent:
            yield Quiet(long=False)
        if not self._resting and self._gate.quiet >= self._release:
            self._resting = True
            yield Quiet(long=True)
