"""What is heard of a recording, or of a channel of it, as far as it is there: windows are cut out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from threading import Lock
from typing import Protocol

from model.seam.audio import SAMPLE_RATE, Level, LevelMeter, Samples
from server.audio_in.decoding import Decoding
from server.audio_in.tape import Tape
from server.recordings.recording import Recording
from server.resources import BudgetSpent, spent_resource


class Sound(Protocol):
    """Samples at 24 kHz, by their numbers, without known speakers' clips."""

    @property
    def length(self) -> int:
        """Samples of all of it, as far as anybody knows."""
        ...

    async def reach(self, samples: int) -> int:
        """Wait until so many samples are there, or all; how many of so many there are.

        Raises what `server.recordings.errors` lists of recordings that cannot be read, or not any further.
        """
        ...

    def expect(self, samples: int) -> None:
        """So many will be asked for soon."""
        ...

    def stretch(self, first: int, last: int) -> Samples:
        """Those between two numbers, as far as they are there and not forgotten."""
        ...

    def level(self, until: int) -> Level:
        """The gain that they need there: that of the recording, as far as it is known. In a thread."""
        ...

    def forget(self, before: int) -> None:
        """Nobody asks for samples before this one any more."""
        ...

    @property
    def recording(self) -> Recording | None:
        """What is known of the file now that all of it was read; None where that was known before."""
        ...

    def worth_hearing(self, until: float = inf) -> bool:
        """Something is in it up to this sample, of what came so far, that is not in another channel."""
        ...


class WholeSound:
    """A `Sound` that is all there, at the level of all of it."""

    recording: Recording | None = None

    def __init__(self, samples: Samples, level: Level) -> None:
        self._samples = samples
        self._level = level

    @property
    def length(self) -> int:
        """See Sound."""
        return self._samples.size

    async def reach(self, samples: int) -> int:
        """See Sound."""
        return min(samples, self._samples.size)

    def expect(self, samples: int) -> None:
        """See Sound."""

    def stretch(self, first: int, last: int) -> Samples:
        """See Sound."""
        return self._samples[max(0, first) : max(0, last)]

    def level(self, until: int) -> Level:
        """See Sound."""
        return self._level

    def forget(self, before: int) -> None:
        """See Sound."""

    def worth_hearing(self, until: float = inf) -> bool:
        """See Sound."""
        return True


class ArrivingSound:
    """A `Sound` that is decoded as far as somebody asks.

    Its level somewhere is that of all from the beginning to there: the first window has what a recording has that ends
    with it, and a soft passage behind loud ones stays soft.

    Args:
        decoding: of the file.
        seconds: how long it says it is.
        row: number of the tape.
    """

    def __init__(self, decoding: Decoding, seconds: float, row: int = 0) -> None:
        self._decoding = decoding
        self._seconds = seconds
        self._row = row
        self._lock = Lock()
        self._meter = LevelMeter()
        self._levels: list[Level] = []  # of as many whole seconds

    @property
    def recording(self) -> Recording | None:
        """See Sound."""
        return facts(self._decoding) if self._decoding.over else None

    def worth_hearing(self, until: float = inf) -> bool:
        """See Sound."""
        return True

    @property
    def length(self) -> int:
        """See Sound."""
        told = 0 if self._decoding.over else round(self._seconds * SAMPLE_RATE)
        return max(told, self._decoding.size)

    async def reach(self, samples: int) -> int:
        """See Sound."""
        with told_shortage():
            await self._decoding.reach(samples)
        return min(samples, self._decoding.size)

    def expect(self, samples: int) -> None:
        """See Sound."""
        self._decoding.expect(samples)

    def stretch(self, first: int, last: int) -> Samples:
        """See Sound."""
        return self._tape.stretch(first, last)

    def level(self, until: int) -> Level:
        """See Sound. Of the last second what is not whole does not count."""
        seconds = max(1, min(until, self._decoding.size) // SAMPLE_RATE)
        with self._lock:
            while len(self._levels) < seconds:
                first = len(self._levels) * SAMPLE_RATE
                self._meter.add(self.stretch(first, first + SAMPLE_RATE))
                self._levels.append(self._meter.level)
            return self._levels[seconds - 1]

    def forget(self, before: int) -> None:
        """See Sound. How loud it was is remembered."""
        if before < SAMPLE_RATE:
            return
        self.level(before)
        self._tape.forget(before // SAMPLE_RATE * SAMPLE_RATE)  # of the second that has begun all is still wanted

    async def keep_on_disk(self) -> None:
        """What is there, and what comes. Raises BudgetSpent."""
        with told_shortage():
            await asyncio.to_thread(self._tape.keep_on_disk)

    @property
    def _tape(self) -> Tape:
        return self._decoding.tapes[self._row]


def facts(decoding: Decoding, seconds: float = 0.0) -> Recording:
    """What is known of a file whose channels are mixed. ``seconds``: that it lasts, unless it turned out longer."""
    report = decoding.report
    return Recording(max(seconds, decoding.size / SAMPLE_RATE), report.notes, lead=report.lead_seconds)


@contextmanager
def told_shortage() -> Iterator[None]:
    """What the system says it is short of is raised as BudgetSpent."""
    try:
        yield
    except (OSError, MemoryError) as error:
        if (resource := spent_resource(error)) is None:
            raise
        raise BudgetSpent(resource) from error
