"""What waits for the model in one session: audio, and marks between it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from model.seam.audio import SAMPLE_RATE, Samples
from server.live.ears.gate import GatedAudio
from server.live.ears.turns import TurnEvent, TurnResume
from server.live.vocabulary.ear_places import TurnPlace
from server.live.vocabulary.events import Finished, Flushed
from server.live.vocabulary.flush import Asker, FlushId

_PIECE = 0.5
"""Seconds of audio that are sent to the engine at once, where they wait anyway."""


class Task(Enum):
    """What is to be done."""

    SETTLE = auto()
    RELEASE = auto()
    DISCARD = auto()


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to do when all audio before it was taken. ``answer``: what is told when it is done."""

    task: Task
    answer: Flushed | Finished | None = None


Item = GatedAudio | Mark | TurnEvent


class Work:
    """In the order of the audio.

    Attributes:
        backlog: seconds of audio that wait.
    """

    def __init__(self) -> None:
        self.backlog = 0.0
        self._items: deque[Item] = deque()
        self._begun: Item | None = None

    def __bool__(self) -> bool:
        return bool(self._items)

    def add(self, item: Item) -> None:
        """Behind all that waits. Short pieces of audio become one."""
        if isinstance(item, GatedAudio):
            self.backlog += item.block.seconds
            last = self._items[-1] if self._items else None
            if isinstance(last, GatedAudio) and last.block.end == item.block.start and last.block.seconds < _PIECE:
                self._items[-1] = last.joined(item)
                return
        self._items.append(item)

    def next(self) -> Item:
        """What is to be done now, until it is ``done``."""
        self._begun = self._items.popleft()
        return self._begun

    def done(self) -> None:
        """What was begun needs not be done again: it is done, or what is told next says all of it."""
        if isinstance(self._begun, GatedAudio):
            self.backlog = max(0.0, self.backlog - self._begun.block.seconds)
        self._begun = None

    @property
    def speech_goes_on(self) -> bool:
        """Somebody is known to speak again."""
        return any(isinstance(item, TurnResume) for item in self._items)

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """The audio that waits: first sample of each piece, and the one behind its last."""
        return tuple((item.block.start, item.block.end) for item in self._undone if isinstance(item, GatedAudio))

    @property
    def turn(self) -> TurnPlace | None:
        """Where the search for turns stood before the first thing that it found and nobody was told."""
        turns = (item.before for item in self._undone if not isinstance(item, GatedAudio | Mark))
        return next(turns, None)

    @property
    def turn_flushes(self) -> tuple[tuple[float, int], ...]:
        """Ends of turns that were told and are not answered."""
        answers = [item.answer for item in self._undone if isinstance(item, Mark)]
        flushes = [answer for answer in answers if isinstance(answer, Flushed)]
        return tuple((answer.until, answer.flush.number) for answer in flushes if answer.flush.asker is Asker.TURNS)

    @property
    def _undone(self) -> Iterator[Item]:
        if self._begun is not None:
            yield self._begun
        yield from self._items


_LATE = 0.05
"""Seconds by which audio that is sent again may be short of where it ended: people round."""


class Promised:
    """Flushes that were asked for in a session that goes on here: each is due when the audio reaches its place."""

    def __init__(self, flushes: Sequence[tuple[float, FlushId]] = ()) -> None:
        self._waiting = deque(sorted(flushes, key=lambda flush: flush[0]))

    def due(self, until: float) -> Iterator[tuple[float, FlushId]]:
        """Those of the audio before ``until``; they are due once."""
        while self._waiting and self._waiting[0][0] - _LATE <= until:
            yield self._waiting.popleft()

    @property
    def of_turns(self) -> tuple[tuple[float, int], ...]:
        """Ends of turns that are not due yet."""
        return tuple((at, flush.number) for at, flush in self._waiting if flush.asker is Asker.TURNS)

    def cut(self, samples: Samples, start: float) -> Iterator[Samples]:
        """Audio that begins at ``start``, cut where flushes are due."""
        places = [round((at - start) * SAMPLE_RATE) for at, _ in self._waiting]
        begin = 0
        for place in places:
            if begin < place < samples.size:
                yield samples[begin:place]
                begin = place
        yield samples[begin:]
