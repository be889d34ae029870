"""What is done about loops, one after the other. Pure policy: knows no stream."""

from __future__ import annotations

from dataclasses import dataclass

from server.hearing.place import Place
from server.transcript.repeats import LoopFound, LoopOutcome
from server.transcript.repetition import Loop, LoopKind

_WARMER = 0.2
"""By which each attempt is warmer than the one before."""
_PAST = 2
"""Segments behind a loop, and the answer has found its way again."""
_LEAST_STEP = 1.0
"""Seconds that are left out where no better is known; twice as much each time that it does not help."""
_LONGEST_CLAIM = 60.0
"""Seconds that a segment in a loop may be believed to last."""
_EDGE = 0.5
"""Seconds in front of the audio's end in which no segment is hoped for any more."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Go on: it was said."""


@dataclass(frozen=True, slots=True)
class Again:
    """Ask again behind what stands, so much warmer than it was asked first."""

    warmer: float


@dataclass(frozen=True, slots=True)
class Skip:
    """Ask again behind a gap up to ``end``, in seconds, as it was asked first."""

    end: float


@dataclass(frozen=True, slots=True)
class End:
    """Close the answer here. ``gap``: there is audio behind it that nobody could understand."""

    gap: bool


Move = Keep | Again | Skip | End


@dataclass(slots=True)
class _Stretch:
    """Where it runs in circles now."""

    start: float
    closed: int  # segments in front of it
    kind: LoopKind
    attempts: int = 0
    step: float = _LEAST_STEP
    skipped_to: float | None = None


class Recovery:
    """Of one answer.

    Args:
        place: where what stands of it ends, at any time.
        seconds: of the audio.
        attempts: how often a stretch is asked for again before it is left out.
        spare: tokens that may be thrown away before nothing is asked for again, only left out; with twice as many the
            answer is closed.

    Attributes:
        found: stretches that are dealt with.
        thrown: tokens that were written for nothing.
    """

    def __init__(self, place: Place, seconds: float, *, attempts: int, spare: int) -> None:
        self.found: list[LoopFound] = []
        self._place = place
        self._seconds = seconds
        self._attempts = attempts
        self._spare = spare
        self.thrown = 0
        self._stretch: _Stretch | None = None
        self._suspects: set[str] = set()  # units of this stretch that may have been said
        self._said: set[str] = set()  # units that were

    @property
    def past(self) -> bool:
        """There is a stretch, and the answer is sound behind it: call `close`."""
        return self._stretch is not None and self._place.closed >= self._stretch.closed + _PAST

    def close(self) -> None:
        """The stretch is over, or the answer."""
        self.found, self._stretch = self.so_far, None

    @property
    def so_far(self) -> list[LoopFound]:
        """``found``, and the stretch that is not past as if it were."""
        if (stretch := self._stretch) is None:
            return self.found
        outcome = LoopOutcome.RETRIED if stretch.skipped_to is None else LoopOutcome.SKIPPED
        end = max(stretch.start, self._place.now) if stretch.skipped_to is None else stretch.skipped_to
        return [*self.found, _found(stretch, end, outcome)]

    def move(self, loop: Loop, held: str) -> Move:
        """A loop was found in text of which so much is ``held`` back. What to do about it."""
        if not loop.certain and loop.unit in self._said:
            return Keep()
        if (stretch := self._stretch) is None:
            self._suspects.clear()
            stretch = self._stretch = _Stretch(self._place.now, self._place.closed, loop.kind)
        if not loop.certain and loop.unit in self._suspects:
            self._said.add(loop.unit)
            self._end(stretch, max(self._place.now, stretch.start), LoopOutcome.KEPT)
            return Keep()
        if not loop.certain:
            self._suspects.add(loop.unit)
        if self.thrown > 2 * self._spare or self._place.prose:
            return self._give_up(stretch)
        if stretch.skipped_to is None and stretch.attempts < self._attempts and self.thrown <= self._spare:
            stretch.attempts += 1
            return Again(stretch.attempts * _WARMER)
        end = self._behind(stretch, held)
        if end > self._seconds - _EDGE:
            return self._give_up(stretch)
        stretch.skipped_to, stretch.step, stretch.closed = end, 2 * stretch.step, self._place.closed + 1
        return Skip(end)

    def throw(self, tokens: int) -> None:
        """So many were written for nothing."""
        self.thrown += max(0, tokens)

    def _behind(self, stretch: _Stretch, held: str) -> float:
        """Where to go on: where the looping segment ends, if that can be believed."""
        now = self._place.now
        claims = (end for end in self._place.claimed(held) if now < end <= min(self._seconds, now + _LONGEST_CLAIM))
        return max(next(claims, now), now + stretch.step)

    def _give_up(self, stretch: _Stretch) -> End:
        left = self._seconds - self._place.now
        stretch.skipped_to = self._seconds
        self.close()
        return End(gap=left > _EDGE and not self._place.prose)

    def _end(self, stretch: _Stretch, end: float, outcome: LoopOutcome) -> None:
        self._stretch = None
        self.found.append(_found(stretch, end, outcome))


def _found(stretch: _Stretch, end: float, outcome: LoopOutcome) -> LoopFound:
    return LoopFound(stretch.start, end, stretch.kind, outcome, stretch.attempts)
