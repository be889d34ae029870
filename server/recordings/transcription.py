"""Recordings on their way through the model: audio in, transcript events out, and what they cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

from model.seam.streams import Question
from server.engine.client.answer import Answer
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, EndReason
from server.recordings.deadline import DeadlineExceeded, within
from server.recordings.recording import Recording, StreamAudio
from server.transcript.assembler import TranscriptAssembler
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Segment, Transcript, Usage


class Outcome(StrEnum):
    """What became of a recording."""

    TRANSCRIBED = "transcribed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The caller left before the answer's end."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What an answer cost, in seconds and tokens, and why it ended.

    Attributes:
        queue_seconds: the wait for the model.
        inference_seconds: from the end of the wait to the last token.
    """

    queue_seconds: float
    inference_seconds: float
    usage: Usage
    reason: EndReason


class Transcription(ABC):
    """What becomes of a recording. Made by `Recordings.transcription`; ``events`` may be read once.

    Attributes:
        recording: what is known of the file.
        decode_seconds: what it took to read it.
        heard_seconds: of audio that the model gets: that of all channels which are heard for themselves.
        first_segment_at: ``perf_counter()`` when the first segment was closed, None before.
        deadline: until when it is worth having, by the event loop's clock; to be set before ``events`` is read.
        expired: the deadline passed before it was done.
        transcript: once ``events`` is exhausted.
        costs: likewise.
    """

    def __init__(self, recording: Recording, heard_seconds: float, decode_seconds: float) -> None:
        self._failed = False
        self._told_until = 0.0
        self.recording = recording
        self.heard_seconds = heard_seconds
        self.decode_seconds = decode_seconds
        self.first_segment_at: float | None = None
        self.deadline: float | None = None
        self.expired = False
        self.transcript: Transcript | None = None
        self.costs: Costs | None = None

    @property
    @abstractmethod
    def speaker_names(self) -> Mapping[int, str]:
        """Known speakers by number: the same object all the time, complete when the first segment closes."""

    @property
    @abstractmethod
    def first_token_at(self) -> float | None:
        """``perf_counter()`` when the first token of an answer was there, None before."""

    @property
    def heard_until(self) -> float:
        """Seconds of the recording that are done for good: its segments were told, or had been told before."""
        return self.recording.seconds if self.transcript is not None else self._told_until

    def _tell_until(self, segments: Iterable[Segment]) -> None:
        """These stand in the transcript, and are final."""
        for segment in segments:
            end = min(segment.end - self.recording.lead, self.recording.seconds)
            self._told_until = max(self._told_until, end)

    @property
    def outcome(self) -> Outcome:
        """What became of it, to be asked when nothing more is read."""
        if self.transcript is not None:
            return Outcome.TRANSCRIBED
        return Outcome.FAILED if self._failed else Outcome.CANCELLED

    async def whole(self) -> Transcript:
        """The finished transcript. Raises EngineError, DeadlineExceeded."""
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass
        assert self.transcript is not None
        return self.transcript

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What happens while the answer is read, as it happens.

        Raises EngineError, and DeadlineExceeded: then the engine has given up the work and what it held for it.
        """
        try:
            async with aclosing(self._read()) as events:
                while (event := await self._next(events)) is not None:
                    if isinstance(event, SegmentClosed):
                        self._tell_until([event.segment])
                        if self.first_segment_at is None:
                            self.first_segment_at = perf_counter()
                    yield event
        except Exception as error:
            self._failed = True
            self.expired = isinstance(error, DeadlineExceeded)
            if self.expired:
                self.close()
            raise

    async def _next(self, events: AsyncGenerator[TranscriptEvent, None]) -> TranscriptEvent | None:
        async with within(self.deadline):
            return await anext(events, None)

    @abstractmethod
    def close(self) -> None:
        """End the work on it. Harmless when repeated, and when it is done."""

    @abstractmethod
    def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        """The events; sets ``transcript`` and ``costs`` with the last."""


class StreamTranscription(Transcription):
    """Of one engine stream, which it feeds and whose answer it reads: a mixed recording, or one channel."""

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        recording: Recording,
        audio: StreamAudio,
        assembler: TranscriptAssembler,
        decode_seconds: float,
        begun: Sequence[Segment] = (),
    ) -> None:
        super().__init__(recording, recording.seconds, decode_seconds)
        self._tell_until(begun)
        self._stream = stream
        self._question = question
        self._blocks = audio.blocks
        self._assembler = assembler
        self._answer: Answer | None = None
        self._first_token_at: float | None = None

    @property
    def first_token_at(self) -> float | None:
        return self._first_token_at

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._assembler.speaker_names

    def close(self) -> None:
        """See Transcription."""
        self._stream.close()

    async def ask(self) -> None:
        """Feed the stream and put the question, before the events are read. Raises EngineError."""
        for block in self._blocks:
            await self._stream.append(block)
        self._answer = self._stream.ask(self._question, last=True)

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        if self._answer is None:
            await self.ask()
        assert self._answer is not None
        async for part in self._answer:
            if self._first_token_at is None:
                self._first_token_at = perf_counter()
            begin = self._assembler.begin(part.forced) if part.forced else []
            for event in (*begin, *self._assembler.feed(part.tokens, part.logprobs)):
                yield event
        assert self._answer.done is not None
        for event in self._finish(self._answer.done):
            yield event

    def _finish(self, done: AnswerDone) -> list[TranscriptEvent]:
        begin = [] if self._first_token_at is not None or not done.forced else self._assembler.begin(done.forced)
        usage = Usage(done.audio_tokens, done.prompt_tokens - done.audio_tokens, done.answer_tokens)
        last, self.transcript = self._assembler.finish(
            cut=done.reason is EndReason.LENGTH, usage=usage, notes=self.recording.notes
        )
        self.costs = Costs(done.queue_seconds, done.total_seconds - done.queue_seconds, usage, done.reason)
        return [*begin, *last]
