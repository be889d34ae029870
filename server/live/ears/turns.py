"""Where turns of speech begin and end, from a detector's probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Final

from server.live.vocabulary.ear_places import TurnPlace
from server.live.vocabulary.turn_detection import TurnDetection

_LEAVE_MARGIN: Final = 0.15
"""Somebody who speaks goes on while the probability is at most this far below the threshold."""
_MIN_SPEECH: Final = 0.1
"""Seconds of speech that make a turn; shorter sounds are clicks."""


@dataclass(frozen=True, slots=True)
class _Found:
    """``before``: where the search stood, for who has to go on before this was told."""

    before: TurnPlace | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class TurnStart(_Found):
    """A turn begins at ``at``, padding already taken off."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnPause(_Found):
    """Nobody has spoken for ``silence`` seconds at ``at``; the turn may go on.

    ``enough``: behind words that end a sentence this silence ends the turn.
    """

    at: float
    silence: float
    enough: bool


@dataclass(frozen=True, slots=True)
class TurnResume(_Found):
    """Somebody speaks again from ``at`` on, behind a pause that was told."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnEnd(_Found):
    """The turn is over after ``silence`` seconds; ``at`` is where its audio ends."""

    at: float
    silence: float


TurnEvent = TurnStart | TurnPause | TurnResume | TurnEnd


@dataclass(frozen=True, slots=True)
class TurnIdle(_Found):
    """Nobody spoke from ``since`` to ``at``: too long."""

    since: float
    at: float


class TurnDetector:
    """Follows the probabilities of consecutive frames; pure, one for each stretch of audio and set of settings.

    Speech begins with a frame at or above the threshold, and a turn once that speech is 100 ms long. It goes on while
    the probability stays within 0.15 of the threshold, and ends after ``silence`` below that. Shorter silences are
    told as they are reached where the settings look at pauses. What is no turn is idle after ``idle`` from the start
    or the end of the last turn, and after as much again.

    Attributes:
        speaking: a turn was begun and not ended.
    """

    def __init__(self, settings: TurnDetection, *, frame: float, start: float = 0.0) -> None:
        """``frame``: seconds of a frame. ``start``: the session's time at the first one."""
        self.speaking = False
        self._frame = frame
        self._start = start
        self._enough_speech = _frames(_MIN_SPEECH, frame)
        self._position = 0  # frames fed
        self._last_end = start
        self._run = 0  # frames of the speech that may become a turn, or of the quiet that may end one
        self.adjust(settings)

    def adjust(self, settings: TurnDetection) -> None:
        """From now on like this; what is going on goes on."""
        self._settings = settings
        self._enough_silence = _frames(settings.silence, self._frame)
        pauses = settings.pauses
        self._pauses = frozenset(_frames(length, self._frame) for length in pauses.lengths) if pauses else frozenset()
        self._enough_pause = _frames(pauses.finished, self._frame) if pauses else self._enough_silence
        self._idle = _frames(settings.idle, self._frame) if settings.idle is not None else None
        self._idle_from = self._position  # frames

    def place(self, at: float) -> TurnPlace:
        """Where it stands; ``at``: the session's time behind the last frame."""
        return TurnPlace(at, self.speaking, self._run, self._last_end, self._time(self._idle_from))

    def resume(self, place: TurnPlace, at: float) -> None:
        """Go on like this with the next frame, which begins at ``at``."""
        self.speaking, self._run, self._last_end = place.speaking, place.run, place.last_end
        self._start, self._position = at, 0
        self._idle_from = -round((at - place.idle_since) / self._frame)

    def feed(self, probability: float) -> TurnEvent | TurnIdle | None:
        """The next frame; what it brings about. A turn's times never reach into the turn before."""
        self._position += 1
        return self._in_turn(probability) if self.speaking else self._between_turns(probability)

    def _between_turns(self, probability: float) -> TurnStart | TurnIdle | None:
        self._run = self._run + 1 if self._speaks(probability, already=self._run > 0) else 0
        if self._run < self._enough_speech:
            return self._waited()
        began = self._time(self._position - self._run) - self._settings.prefix_padding
        self.speaking, self._run = True, 0
        return TurnStart(max(self._last_end, began))

    def _waited(self) -> TurnIdle | None:
        """Whether it has been quiet for long; speech that may become a turn is waited for."""
        if self._idle is None or self._run or self._position - self._idle_from < self._idle:
            return None
        since, self._idle_from = self._idle_from, self._position
        self._last_end = self._time(self._position)
        return TurnIdle(self._time(since), self._last_end)

    def _in_turn(self, probability: float) -> TurnPause | TurnResume | TurnEnd | None:
        if self._speaks(probability, already=self._run == 0):
            quiet, self._run = self._run, 0
            told = any(pause <= quiet for pause in self._pauses)
            return TurnResume(self._time(self._position - 1)) if told else None
        self._run += 1
        at, silence = self._time(self._position), self._run * self._frame
        if self._run < self._enough_silence:
            return TurnPause(at, silence, self._run >= self._enough_pause) if self._run in self._pauses else None
        self.speaking, self._run = False, 0
        self._last_end, self._idle_from = at, self._position
        return TurnEnd(at, silence)

    def _speaks(self, probability: float, *, already: bool) -> bool:
        """Entering speech takes the threshold; staying in it takes less."""
        threshold = self._settings.threshold
        return probability >= (threshold - _LEAVE_MARGIN if already else threshold)

    def _time(self, frames: int) -> float:
        return self._start + frames * self._frame


def _frames(seconds: float, frame: float) -> int:
    """The fewest frames, at least one, that are ``seconds`` long; a rounding error does not make it one more."""
    return max(1, ceil(seconds / frame - 1e-6))
