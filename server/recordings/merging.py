"""Events of several channels, which come at any time, in one order that does not depend on when they come."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from math import inf

from server.transcript.events import SegmentClosed, TranscriptEvent


async def merged(channels: Mapping[int, AsyncIterator[TranscriptEvent]]) -> AsyncGenerator[tuple[int, TranscriptEvent]]:
    """The events with their channels' numbers: segment by segment by the segments' starts, those of a channel in order.

    A segment that begins before one that its channel told earlier follows that at once. At the same time the channel
    that stands first in ``channels`` comes first. A segment's events are passed on as they come, once no other channel
    can bring one that belongs before it.
    """
    queues = [_Segments(number, events) for number, events in channels.items()]
    for queue in queues:
        await queue.look()
    while queues:
        queue = min(queues, key=lambda queue: queue.start)
        if queue.start == inf:
            return
        async for event in queue.segment():
            yield queue.channel, event
        await queue.look()


class _Segments:
    """The segments of one channel, one after the other.

    Attributes:
        start: where the next one begins, in seconds; infinity where there is none. Known by `look`.
    """

    def __init__(self, channel: int, events: AsyncIterator[TranscriptEvent]) -> None:
        self.channel = channel
        self.start = 0.0
        self._events = events
        self._held: deque[TranscriptEvent] = deque()

    async def look(self) -> None:
        """Read on until it is known where the next segment begins."""
        async for event in self._events:
            self._held.append(event)
            if isinstance(event, SegmentClosed):
                begin: float | None = event.segment.start
            else:
                begin = event.times and event.times[0]
            if begin is not None:
                self.start = begin
                return
        self.start = inf

    async def segment(self) -> AsyncGenerator[TranscriptEvent]:
        """The events of the next segment, as they come."""
        while True:
            event = self._held.popleft() if self._held else await anext(self._events)
            yield event
            if isinstance(event, SegmentClosed):
                return
