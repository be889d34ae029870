"""A recording whose channels are heard each for itself: a stream for each, one transcript for all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing

from server.engine.messages import EndReason
from server.recordings.known_voices import NamedTranscription
from server.recordings.merging import merged
from server.recordings.recording import Recording
from server.recordings.transcription import Costs, StreamTranscription, Transcription
from server.recordings.windowed.transcription import WindowedTranscription
from server.transcript.channels import ChannelAssembler
from server.transcript.events import TranscriptEvent, segment_of
from server.transcript.segments import Segment


class SplitTranscription(Transcription):
    """Of all channels that are heard, by their numbers; where one fails, it fails.

    Args:
        recording: what is known of the file, ``channels`` among it.
        channels: one stream each.
        known: names of known speakers.
        decode_seconds: what it took to read the file.
        begun: what was told of it before.
    """

    def __init__(
        self,
        recording: Recording,
        channels: Mapping[int, StreamTranscription | WindowedTranscription | NamedTranscription],
        known: Sequence[str],
        decode_seconds: float,
        begun: Sequence[Segment] = (),
    ) -> None:
        super().__init__(recording, recording.seconds * len(channels), decode_seconds)
        assert recording.channels is not None
        self._channels = channels
        self._assembler = ChannelAssembler(
            recording.lead + recording.seconds, recording.channels, known, () if known else begun
        )
        self._told = len(begun)  # segments
        self._tell_until(begun)

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._assembler.speaker_names

    @property
    def first_token_at(self) -> float | None:
        times = (channel.first_token_at for channel in self._channels.values())
        return min((time for time in times if time is not None), default=None)

    def close(self) -> None:
        """See Transcription."""
        for channel in self._channels.values():
            channel.close()

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        # Asked before any is read, they are computed side by side.
        for channel in self._channels.values():
            await channel.ask()
        async with AsyncExitStack() as reading:
            answers = {
                number: await reading.enter_async_context(aclosing(channel.events()))
                for number, channel in self._channels.items()
            }
            async for number, event in await reading.enter_async_context(aclosing(merged(answers))):
                added = self._assembler.add(number, event, self._channels[number].speaker_names)
                if segment_of(added) >= self._told:
                    yield added
        transcripts = {number: channel.transcript for number, channel in self._channels.items() if channel.transcript}
        self.transcript = self._assembler.finish(transcripts, self.recording.notes)
        self.costs = self._sum([channel.costs for channel in self._channels.values() if channel.costs])

    def _sum(self, costs: Sequence[Costs]) -> Costs:
        """Of channels that ran side by side: from the first that was begun to the last that was answered."""
        assert self.transcript is not None
        assert self.transcript.usage is not None
        queue = min((cost.queue_seconds for cost in costs), default=0.0)
        end = max((cost.queue_seconds + cost.inference_seconds for cost in costs), default=queue)
        cut = any(cost.reason is EndReason.LENGTH for cost in costs)
        return Costs(queue, end - queue, self.transcript.usage, EndReason.LENGTH if cut else EndReason.STOP)
