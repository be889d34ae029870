"""A recording, or a channel of it, that is heard in windows one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from model.seam.audio import Samples
from server.engine.messages import EndReason
from server.recordings.begun import Begun, Standing
from server.recordings.recording import Recording
from server.recordings.sound import Sound
from server.recordings.transcription import Costs, Transcription
from server.recordings.windowed.costs import usage_of
from server.recordings.windowed.passage import Passage
from server.recordings.windowed.window import WindowOpener
from server.recordings.windowed.windowing import Windowing
from server.transcript.building import TranscriptBuilder, later
from server.transcript.events import TranscriptEvent
from server.transcript.repeats import later_loops, loop_notes
from server.transcript.segments import Transcript
from server.voices.encoder import VoiceEncoder

IN_WINDOWS = "The recording was heard in {} windows."


@dataclass(frozen=True, slots=True, eq=False)
class ChannelSound:
    """What is heard of a recording in windows.

    Attributes:
        sound: of the recording.
        clips: known speakers' at the model's level, by the numbers that they have in the transcript.
        names: of these numbers.
    """

    sound: Sound
    clips: Mapping[int, Samples]
    names: Mapping[int, str]


class WindowedTranscription(Transcription):
    """Windows that know who was heard before.

    Args:
        recording: what is known of the file.
        sound: what is heard of it.
        opener: of the windows.
        windowing: how they are cut.
        decode_seconds: what it took to read the file.
        encoder: tells voices apart, where there is one.
        begun: what was told before.
    """

    def __init__(
        self,
        recording: Recording,
        sound: ChannelSound,
        opener: WindowOpener,
        windowing: Windowing,
        decode_seconds: float,
        encoder: VoiceEncoder | None,
        begun: Begun = Begun(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(recording, recording.seconds, decode_seconds)
        self._tell_until(begun.segments)
        self._sound = replace(sound, sound=self._pauses.overheard(sound.sound, recording.lead))
        self._opener = opener
        self._windowing = windowing
        self._encoder = encoder
        self._begun = begun
        self._builder = TranscriptBuilder(begun.segments)
        self._passages: list[Passage] = []
        self._closed = False

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._sound.names

    @property
    def first_token_at(self) -> float | None:
        times = (passage.first_token_at for passage in self._passages)
        return min((time for time in times if time is not None), default=None)

    @property
    def heard_until(self) -> float:
        """See Transcription. Windows in which nobody speaks are done too."""
        first = self._passages[0].until if self._passages else 0.0
        return max(super().heard_until, min(first, self.recording.seconds))

    @property
    def standings(self) -> tuple[Standing, ...]:
        return tuple(passage.standing for passage in self._passages[:1])

    async def ask(self) -> None:
        """Nothing is asked before it is read: what is heard later depends on what was heard before."""

    def close(self) -> None:
        """See Transcription."""
        self._closed = True
        for passage in self._passages:
            passage.close()

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        lead = self.recording.lead
        segments = (replace(told, start=told.start - lead, end=told.end - lead) for told in self._begun.segments)
        begun = replace(self._begun, segments=tuple(segments))
        passage = Passage(
            self._opener,
            self._windowing,
            self._sound.sound,
            clips=self._sound.clips,
            encoder=self._encoder,
            begun=begun,
        )
        self._passages.append(passage)
        async with aclosing(passage.events()) as events:
            async for event in events:
                for told in self._tell([event]):
                    yield told
        self._finish(passage.known.seconds)

    def _tell(self, events: Sequence[TranscriptEvent]) -> list[TranscriptEvent]:
        """Events on the clock of the sound, as callers get them."""
        return self._builder.add([later(event, self.recording.lead) for event in events])

    def _finish(self, before: float, notes: Sequence[str] = ()) -> None:
        """``before``: seconds of the model that were no window's."""
        if (recording := self._sound.sound.recording) is not None:
            self._know(recording)
        done = [done for passage in self._passages for done in passage.done]
        cost = usage_of(done)
        usage = cost + self._begun.standing.usage
        windows = sum(passage.windows for passage in self._passages)
        told = [IN_WINDOWS.format(windows)] if windows > 1 else []
        found = [note for passage in self._passages for note in passage.notes]
        loops = later_loops((loop for passage in self._passages for loop in passage.loops), self.recording.lead)
        complete = all(passage.complete for passage in self._passages)
        self.transcript = Transcript(
            segments=tuple(self._builder.segments),
            duration=self.recording.lead + self.recording.seconds,
            complete=complete,
            logprobs=tuple(self._builder.logprobs),
            usage=usage,
            notes=(*self.recording.notes, *told, *loop_notes(loops), *dict.fromkeys([*found, *notes])),
            loops=loops,
            speaker_names=dict(self._sound.names),
        )
        queue = done[0].queue_seconds if done else 0.0
        inference = before + sum(each.total_seconds - each.queue_seconds for each in done)
        self.costs = Costs(queue, inference, cost, EndReason.STOP if complete else EndReason.LENGTH)
