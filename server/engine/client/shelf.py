"""Streams that stay open between two turns of a conversation, for what they have heard.

Where somebody asks about a recording while another question about it is answered, what is heard is lent: pages of the
KV cache have an owner more.

Nothing waits for them: the worker lets one go whenever somebody needs its pages. Here they end after a time, or when
there are too many. What stands here is nobody's source any more: a worker that ends takes its streams along.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from typing import Protocol

from model.seam.streams import Priority
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError


class Eviction(StrEnum):
    """Why a stream does not stand here any more, and nobody took it."""

    PAGES = "pages"
    """Others needed what it held."""
    IDLE = "idle"
    """Nobody came back in time."""
    CROWDED = "crowded"
    """There were too many."""
    REPLACED = "replaced"
    """Another one has heard the same, and more of the conversation."""
    LOST = "lost"
    """Its worker ended."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a stream may be taken for again.

    Attributes:
        key: whose it is, and all that stands in front of the conversation: audio, level, system, weights.
        samples: of the audio.
        turns: of the conversation, as far as there are any.
    """

    key: Hashable
    samples: int
    turns: tuple[str, ...] = ()

    def shared(self, other: Place) -> int:
        """Turns that two conversations begin with."""
        pairs = zip(self.turns, other.turns, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


@dataclass(slots=True)
class ShelfFigures:
    """How often a conversation found its stream here, how often not, and what became of those that nobody took."""

    hits: int = 0
    misses: int = 0
    evictions: Counter[Eviction] = field(default_factory=Counter)


class Timer(Protocol):
    """What `asyncio.loop.call_later` returns."""

    def cancel(self) -> None: ...


class Shelf:
    """For one event loop.

    Args:
        most: streams that stand here at most; none where it is 0.
        seconds: after which one that nobody took ends.
        on_leave: is given every stream that stays, when its owner leaves it.
        later: calls something after so many seconds; by default the event loop's.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        on_leave: Callable[[EngineStream], None] = lambda _: None,
        *,
        later: Callable[[float, Callable[[], None]], Timer] | None = None,
    ) -> None:
        self.figures = ShelfFigures()
        self._most = most
        self._seconds = seconds
        self._on_leave = on_leave
        self._later = later
        self._places: dict[EngineStream, Place] = {}  # whoever was not taken for longest first
        self._timers: dict[EngineStream, Timer] = {}
        self._lenders: dict[EngineStream, Place] = {}  # which somebody uses
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> bool:
        """Streams may stand here."""
        return self._most > 0

    def take(self, place: Place) -> EngineStream | None:
        """The stream that knows most of this conversation, which is its new owner's; None where there is none."""
        found = [(place.shared(known), stream) for stream, known in self._places.items() if known.key == place.key]
        if not found:
            return None
        self.figures.hits += 1
        _, stream = max(reversed(found), key=lambda each: each[0])
        self.forget(stream)
        return stream

    def lend(self, stream: EngineStream, place: Place) -> None:
        """The stream's owner has it for this place, and others may share what it hears until he leaves it."""
        self._lenders[stream] = place

    def lender(self, place: Place, priority: Priority) -> EngineStream | None:
        """A stream that somebody uses for the same audio, where none that nobody uses could be taken.

        One that comes later than ``priority`` lends nothing as long as it is not heard.
        """
        for stream, known in self._lenders.items():
            if known.key == place.key and stream.company is None and (stream.heard or stream.priority <= priority):
                self.figures.hits += 1
                return stream
        self.figures.misses += 1
        return None

    def leave(self, stream: EngineStream, place: Place) -> None:
        """The stream's owner has no more use for it, and has put its last question, answered or not.

        The stream must not be used any more. One whose answer was not read to its end stands here when that was taken
        back.
        """
        self._lenders.pop(stream, None)
        if not self.open or not _usable(stream):
            stream.close()
            return
        self._on_leave(stream)
        stream.kept = True
        if not stream.answering:
            self._put(stream, place)
            return
        leaving = asyncio.create_task(self._take_back(stream, place), name="stream-leaves")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def evict(self, stream: EngineStream, why: Eviction) -> None:
        """End a stream that is kept, whether it stands here yet or not."""
        if stream in self._places:
            self.figures.evictions[why] += 1
            self.forget(stream)
        stream.close()

    def forget(self, stream: EngineStream) -> None:
        """It does not stand here any more, nor lends anything, if it did."""
        self._lenders.pop(stream, None)
        self._places.pop(stream, None)
        if (timer := self._timers.pop(stream, None)) is not None:
            timer.cancel()

    async def _take_back(self, stream: EngineStream, place: Place) -> None:
        try:
            await stream.crop()
        except EngineError:
            return  # it has ended
        if _usable(stream):
            self._put(stream, place)
        else:
            stream.close()

    def _put(self, stream: EngineStream, place: Place) -> None:
        stream.keep()
        for other in self._known(place):
            self.evict(other, Eviction.REPLACED)
        self._places[stream] = place
        later = self._later or asyncio.get_running_loop().call_later
        self._timers[stream] = later(self._seconds, lambda: self.evict(stream, Eviction.IDLE))
        while len(self._places) > self._most:
            self.evict(next(iter(self._places)), Eviction.CROWDED)

    def _known(self, place: Place) -> Sequence[EngineStream]:
        """Those with no turn that this conversation has not."""
        return [
            stream
            for stream, other in self._places.items()
            if other.key == place.key and other.shared(place) == len(other.turns)
        ]


def _usable(stream: EngineStream) -> bool:
    """A worker has it, with others, and more can be asked.

    One that went over to another worker since it answered may be hearing its audio again, from an owner who leaves.
    """
    if stream.ended or stream.last or (stream.interrupted and not stream.answering):
        return False
    return stream.company is None and stream.number is not None
