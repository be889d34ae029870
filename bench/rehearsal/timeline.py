"""Which launch comes before which: vector clocks of the streams, of events and of the host.

Streams know nothing of each other but what events tell them. The host knows what it has waited for, and everything
launched later is behind that. Whoever touches memory without knowing of the last one to write to it races with them,
and memory that goes back to the stream it came from while another may still use it was not told of that other
(``record_stream``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.rehearsal.counts import Counts
from bench.rehearsal.faults import Faults, place
from bench.rehearsal.memory import Block

Clock = dict[int, int]
"""By number of the stream: how many of its launches are done before."""


def _merge(into: Clock, other: Clock) -> None:
    for number, launch in other.items():
        if into.get(number, 0) < launch:
            into[number] = launch


@dataclass(frozen=True, slots=True)
class _Hazard:
    """Memory of stream ``home`` was freed when ``user`` was not known to be done with launch ``last``."""

    home: int
    user: int
    last: int
    freed_at: str


class StreamClock:
    """``launched``: launches so far. ``knows``: launches of all streams that are done before the next one here."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.launched = 0
        self.knows: Clock = {}
        self.told = 0


class Timeline:
    """The clocks. ``arrivals`` run when the host has come to know of a launch: what a copy brought is there then."""

    def __init__(self, counts: Counts, faults: Faults) -> None:
        self._counts, self._faults = counts, faults
        self.streams: list[StreamClock] = []
        self.capturing = False
        self._host: Clock = {}
        self._told = 0
        self._hazards: list[_Hazard] = []
        self._arrivals: list[tuple[int, int, Callable[[], None]]] = []

    def stream(self) -> StreamClock:
        """A new one; the first has the number 0 and is torch's default stream."""
        self.streams.append(StreamClock(len(self.streams)))
        return self.streams[-1]

    def launch(self, stream: StreamClock, reads: list[Block], writes: list[Block], operation: str) -> None:
        """One launch on ``stream`` that touches those blocks."""
        if stream.told != self._told:
            _merge(stream.knows, self._host)
            stream.told = self._told
        number = stream.number
        for block in reads:
            self._check_written(stream, block, operation, "reads")
        for block in writes:
            self._check_written(stream, block, operation, "writes over")
            for reader, launch in block.reads.items():
                if reader != number and stream.knows.get(reader, 0) < launch:
                    self._faults.report(
                        f"race: {operation} on stream {number} writes over what {reader} may still read"
                    )
        stream.launched += 1
        stream.knows[number] = stream.launched
        for block in reads:
            block.reads[number] = stream.launched
        for block in writes:
            block.written = number, stream.launched
            block.reads.clear()

    def _check_written(self, stream: StreamClock, block: Block, operation: str, verb: str) -> None:
        writer, launch = block.written
        if writer != stream.number and stream.knows.get(writer, 0) < launch:
            self._faults.report(
                f"race: {operation} on stream {stream.number} {verb} what stream {writer} may not have written yet"
            )

    def free(self, block: Block) -> None:
        """The storage of ``block`` is gone; the next one on its stream may get the memory at once."""
        uses = dict(block.reads)
        writer, launch = block.written
        uses[writer] = max(uses.get(writer, 0), launch)
        for number, last in uses.items():
            told = number == block.home or number in block.kept_for or self._known(block.home, number, last)
            if block.size and not told:
                self._hazards.append(_Hazard(block.home, number, last, place()))

    def allocate(self, stream: StreamClock) -> None:
        """Memory is allocated on ``stream``: what was freed there is what it may get."""
        if not self._hazards:
            return
        for hazard in self._hazards:
            if hazard.home == stream.number and not self._known(hazard.home, hazard.user, hazard.last):
                self._faults.report(
                    f"memory of stream {hazard.home} was freed and is given to others while stream {hazard.user} may "
                    "use it (without record_stream)",
                    hazard.freed_at,
                )
        self._hazards = [hazard for hazard in self._hazards if hazard.home != stream.number]

    def _known(self, home: int, user: int, last: int) -> bool:
        return max(self.streams[home].knows.get(user, 0), self._host.get(user, 0)) >= last

    def done(self, clock: Clock) -> bool:
        """Whether the host knows already that all of ``clock`` is done."""
        return all(self._host.get(number, 0) >= launch for number, launch in clock.items())

    def wait(self, clock: Clock, why: str) -> None:
        """The host waits until ``clock``. No wait where it knows already. Raises RuntimeError inside a recording."""
        if self.capturing:
            self._faults.report(f"the host waits inside a recording: {why}")
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing ({why})")
        if self.done(clock):
            return
        self._counts.waited(why, place())
        _merge(self._host, clock)
        self._told += 1
        due = [each for each in self._arrivals if self._host.get(each[0], 0) >= each[1]]
        self._arrivals = [each for each in self._arrivals if self._host.get(each[0], 0) < each[1]]
        for _, _, arrive in due:
            arrive()

    def when_done(self, stream: StreamClock, arrive: Callable[[], None]) -> None:
        """Call ``arrive`` once the host knows that the last launch of ``stream`` is done."""
        self._arrivals.append((stream.number, stream.launched, arrive))

    def waited_for_since(self, before: Clock) -> frozenset[int]:
        """Streams of whose launches since ``before`` another stream is told to wait for some."""
        return frozenset(
            stream.number
            for stream in self.streams
            for other in self.streams
            if other is not stream and other.knows.get(stream.number, 0) > before.get(stream.number, 0)
        )

    def everything(self) -> Clock:
        """All launches so far."""
        return {stream.number: stream.launched for stream in self.streams}
