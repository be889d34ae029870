"""The ears of a session: audio in, what the model is to hear and where turns begin and end out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples
from server.live.ears.gate import GatedAudio, SpeechGate
from server.live.ears.heard_before import HeardBefore
from server.live.ears.turns import TurnDetector, TurnEvent, TurnIdle, TurnResume, TurnStart
from server.live.vocabulary.ear_places import GatePlace, TurnPlace
from server.live.vocabulary.turn_detection import TurnDetection
from server.speech.audible import is_audible
from server.speech.detector import SpeechDetector
from server.windows.block import Block

_FRAME = round(SpeechDetector.FRAME * SAMPLE_RATE)
"""Samples of a frame at 24 kHz."""
_WARM_UP = 32 * SpeechDetector.FRAME
"""Seconds. The detector remembers for long: begun anew, it judges fewer frames otherwise behind these."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nobody has spoken for a while. ``long``: for so long that the session can rest."""

    long: bool


Finding = GatedAudio | TurnEvent | TurnIdle | Quiet


def warmed_up(start: float) -> float:
    """Where a listener begins that is to judge the audio from ``start`` on nearly as one that has heard all of it."""
    return max(0.0, start - _WARM_UP)


class Listener:
    """Listens to one session in order, at first without looking for turns. Times: seconds of the session.

    Args:
        silence: nobody spoke for this long: what comes then is kept from the model.
        release: nobody spoke for this long: the session can rest.

    Attributes:
        sounds: what is loud enough passes as speech does; turns are of speech all the same.
    """

    def __init__(self, *, silence: float, release: float) -> None:
        self.sounds = False
        self._release = release
        self._detector = SpeechDetector()
        self._gate = SpeechGate(frame=SpeechDetector.FRAME, silence=silence)
        self._unjudged = np.zeros(0, np.float32)
        self._judged = 0  # samples
        self._resting = True
        self._turns: TurnDetector | None = None
        self._turns_from = 0  # samples: turns before were found already
        self._before: HeardBefore | None = None  # while it comes again

    @property
    def until(self) -> float:
        """The end of the audio heard so far."""
        return self._end / SAMPLE_RATE

    @property
    def _end(self) -> int:
        return self._judged + self._unjudged.size

    @property
    def kept_from(self) -> int:
        """The first sample of what was neither passed on nor left out so far."""
        held = self._gate.held_from
        return self._judged if held is None else held

    @property
    def turn(self) -> TurnPlace | None:
        """Where the search for turns stands."""
        at = max(self._judged, self._turns_from) / SAMPLE_RATE
        return None if self._turns is None else self._turns.place(at)

    @property
    def gate(self) -> GatePlace:
        """Where the search for speech stands that lets audio pass."""
        if self._before is not None:
            return self._before.place
        return self._gate.place(self._judged / SAMPLE_RATE, resting=self._resting)

    @property
    def passing(self) -> tuple[tuple[int, int], ...]:
        """What comes and was let pass elsewhere: first sample of each piece, and the one behind its last."""
        return () if self._before is None else self._before.coming

    def resume(self, first: int, passed: Iterable[tuple[int, int]], gate: GatePlace, turn: TurnPlace | None) -> None:
        """The audio begins with sample ``first`` of a session that stands there. When turns were set.

        ``passed``: what the gate has let pass up to its place: it is let pass again, and nothing else.
        """
        self._judged, self._resting = first, gate.resting
        self._before = HeardBefore(passed, gate)
        if turn is not None and self._turns is not None:
            self._turns_from = max(first, round(turn.at * SAMPLE_RATE))
            self._turns.resume(turn, self._turns_from / SAMPLE_RATE)

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
        block = Block(self._end, samples)
        self._unjudged = np.concatenate([self._unjudged, samples])
        probabilities = await asyncio.to_thread(self._detector.probabilities, samples)
        findings: list[Finding] = [] if self._before is None else list(self._before.pieces(block))
        for probability in probabilities:
            findings += self._judge(self._next(_FRAME), probability)
        return findings

    def rest(self) -> GatedAudio | None:
        """What is left of a frame, taken for more of the same: before a flush. None where it is silence so far."""
        block = self._new(self._next(self._unjudged.size))
        if block is None:
            return None
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
        new = self._new(block)
        audio, silent = (None, False) if new is None else self._gate.feed(new, self._passes(new, probability))
        turn = self._searched(block, probability)
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
        if new is not None and not self._resting and self._gate.quiet >= self._release:
            self._resting = True
            yield Quiet(long=True)

    def _passes(self, block: Block, probability: float) -> float:
        """How probable it is that the model has to hear it."""
        return 1.0 if self.sounds and is_audible(block.samples) else probability

    def _searched(self, block: Block, probability: float) -> TurnEvent | TurnIdle | None:
        """What the next frame brings about for turns."""
        if self._turns is None or block.end <= self._turns_from:
            return None
        before = self._turns.place(block.start / SAMPLE_RATE)
        found = self._turns.feed(probability)
        return None if found is None else replace(found, before=before)

    def _new(self, block: Block) -> Block | None:
        """What of it no gate has judged."""
        new = block if self._before is None else self._before.rest(block, self._gate)
        if new is not None:
            self._before = None
        return new
