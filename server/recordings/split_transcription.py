"""A recording whose channels are heard each for itself: a stream or windows for each, one transcript for all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace

from server.engine.messages import EndReason
from server.recordings.arriving_channels import ArrivingChannels
from server.recordings.begun import Begun, Standing
from server.recordings.known_voices import NamedTranscription
from server.recordings.merging import merged
from server.recordings.recording import Recording
from server.recordings.transcription import Costs, StreamTranscription, Transcription
from server.recordings.windowed.passage import SILENCE
from server.recordings.windowed.transcription import WindowedTranscription
from server.transcript.channels import ChannelAssembler
from server.transcript.events import SegmentClosed, TranscriptEvent, segment_of

_NOTHING = Begun()
_Channel = StreamTranscription | WindowedTranscription | NamedTranscription


class SplitTranscription(Transcription):
    """Of all channels that are heard, by their numbers; where one fails, it fails.

    Args:
        recording: what is known of the file, ``channels`` among it.
        channels: one stream each, or windows.
        known: names of known speakers.
        decode_seconds: what it took to read the file.
        begun: what was told of it before.
        arriving: the sound of the channels, where it is decoded while they are heard. Then they are all channels, and
            of one that is not worth hearing nothing is told until it is.
    """

    def __init__(
        self,
        recording: Recording,
        channels: Mapping[int, _Channel],
        known: Sequence[str],
        decode_seconds: float,
        begun: Begun = _NOTHING,
        arriving: ArrivingChannels | None = None,
    ) -> None:
        heard = len(channels if arriving is None else arriving.heard)
        super().__init__(recording, recording.seconds * heard, decode_seconds)
        assert recording.channels is not None
        self._channels = channels
        self._arriving = arriving
        self._assembler = ChannelAssembler(
            recording.lead + recording.seconds, recording.channels, known, () if known else begun.segments
        )
        self._told = len(begun.segments)
        self._tell_until(begun.segments)
        self._spoken = {segment.channel for segment in begun.segments}
        self._stood: dict[int | None, Standing] = dict(begun.standings)
        self._standing: dict[int, deque[Sequence[Standing]]] = {number: deque() for number in channels}
        self._left_out = dict.fromkeys(channels, 0)  # segments of silence

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._assembler.speaker_names

    @property
    def first_token_at(self) -> float | None:
        times = (channel.first_token_at for channel in self._channels.values())
        return min((time for time in times if time is not None), default=None)

    @property
    def standings(self) -> tuple[Standing, ...]:
        return tuple(self._stood.values())

    def close(self) -> None:
        """See Transcription."""
        for channel in self._channels.values():
            channel.close()

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        # Asked before any is read, they are computed side by side.
        for channel in self._channels.values():
            await channel.ask()
        async with AsyncExitStack() as reading:
            answers = {number: await reading.enter_async_context(self._read_ahead(number)) for number in self._channels}
            async for number, event in await reading.enter_async_context(aclosing(merged(answers))):
                if isinstance(event, SegmentClosed):
                    for standing in self._standing[number].popleft():
                        told = standing.told - self._left_out[number]
                        self._stood[number] = replace(standing, channel=number, told=told)
                if self._is_nothing(number, event):
                    self._left_out[number] += 1
                    continue
                added = self._assembler.add(number, event, self._channels[number].speaker_names)
                if segment_of(added) >= self._told:
                    yield added
        self._finish()

    @asynccontextmanager
    async def _read_ahead(self, number: int) -> AsyncIterator[AsyncIterator[TranscriptEvent]]:
        """The events of a channel, which goes on while nobody asks for them: another one may be waited for.

        How it stood at the end of each segment is kept. When it ends, however that is, no other one waits for it.
        """
        queue: asyncio.Queue[TranscriptEvent | None] = asyncio.Queue()
        channel, standings = self._channels[number], self._standing[number]

        async def read() -> None:
            try:
                async with aclosing(channel.events()) as events:
                    async for event in events:
                        if isinstance(event, SegmentClosed):
                            standings.append(channel.standings)
                        queue.put_nowait(event)
            finally:
                if self._arriving is not None:
                    self._arriving.leave(number)
                queue.put_nowait(None)

        async def events() -> AsyncGenerator[TranscriptEvent, None]:
            while (event := await queue.get()) is not None:
                yield event
            await task  # and say what was wrong

        task = asyncio.create_task(read(), name="channel")
        try:
            yield events()
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # taken, or asyncio would complain of what nobody came to

    def _is_nothing(self, number: int, event: TranscriptEvent) -> bool:
        """Silence of a channel that comes up later, or never."""
        silent = isinstance(event, SegmentClosed) and event.segment.text == SILENCE
        if self._arriving is None or not silent:
            self._spoken.add(number)
        return number not in self._spoken

    def _finish(self) -> None:
        heard = self._channels
        if self._arriving is not None:
            self._know(self._arriving.recording)
            heard = {number: self._channels[number] for number in self._arriving.heard}
            self.heard_seconds = len(heard) * self.recording.seconds
        transcripts = {number: channel.transcript for number, channel in heard.items() if channel.transcript}
        self.transcript = replace(
            self._assembler.finish(transcripts, self.recording.notes),
            duration=self.recording.lead + self.recording.seconds,
        )
        self.costs = self._sum([channel.costs for channel in self._channels.values() if channel.costs])

    def _sum(self, costs: Sequence[Costs]) -> Costs:
        """Of channels that ran side by side: from the first that was begun to the last that was answered."""
        assert self.transcript is not None
        assert self.transcript.usage is not None
        queue = min((cost.queue_seconds for cost in costs), default=0.0)
        end = max((cost.queue_seconds + cost.inference_seconds for cost in costs), default=queue)
        cut = any(cost.reason is EndReason.LENGTH for cost in costs)
        return Costs(queue, end - queue, self.transcript.usage, EndReason.LENGTH if cut else EndReason.STOP)
