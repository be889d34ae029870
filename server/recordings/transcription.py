"""Recordings on their way through the model: audio in, transcript events out, and what they cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from time import perf_counter

from model.seam.streams import Question
from server.audio_in.errors import AudioError, AudioErrorCode
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, EndReason
from server.hearing.heard_answer import HeardAnswer
from server.recordings.begun import Begun, Standing, so_far
from server.recordings.deadline import DeadlineExceeded, within
from server.recordings.recording import Recording
from server.recordings.segment_pauses import SegmentPauses
from server.recordings.stream_audio import StreamAudio
from server.recordings.windowed.telling import PROGRESS, Telling, near_limit
from server.recordings.written import WrittenAnswer
from server.transcript.assembler import TranscriptAssembler
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.free_text import FreeTextAssembler
from server.transcript.parser import CUT
from server.transcript.repeats import LoopFound, later_loops, loop_notes
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
        recording: what is known of the file; all there is to know when its transcript is there.
        decode_seconds: what it took to read it, or as much of it as is heard at once.
        heard_seconds: of audio that the model gets: that of all channels which are heard for themselves.
        first_segment_at: ``perf_counter()`` when the first segment was closed, None before.
        deadline: until when it is worth having, by the event loop's clock; to be set before ``events`` is read.
        expired: the deadline passed before it was done.
        unreadable: why the recording could not be read any further behind its first window.
        transcript: once ``events`` is exhausted.
        costs: likewise.
    """

    def __init__(self, recording: Recording, heard_seconds: float, decode_seconds: float) -> None:
        self._failed = False
        self._pauses = SegmentPauses()
        self._told_until = 0.0
        self.recording = recording
        self.heard_seconds = heard_seconds
        self.decode_seconds = decode_seconds
        self.first_segment_at: float | None = None
        self.deadline: float | None = None
        self.expired = False
        self.unreadable: AudioErrorCode | None = None
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
    def standings(self) -> tuple[Standing, ...]:
        """Where it stands beside the segments that were told, for a later attempt: one for each channel."""
        return ()

    @property
    def heard_until(self) -> float:
        """Seconds of the recording that are done: its segments were told, or had been told before."""
        return self.recording.seconds if self.transcript is not None else self._told_until

    def _know(self, recording: Recording) -> None:
        """All of the file was read."""
        self.heard_seconds *= recording.seconds / self.recording.seconds
        self.recording = recording

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
        """The finished transcript. Raises as `events`."""
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass
        assert self.transcript is not None
        return self.transcript

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What happens while the answer is read, as it happens.

        Raises EngineError, and DeadlineExceeded: then the engine has given up the work and what it held for it. Behind
        the first window also what `server.recordings.errors` lists of recordings that cannot be read.
        """
        try:
            async with aclosing(self._read()) as events:
                while (event := await self._next(events)) is not None:
                    if isinstance(event, SegmentClosed):
                        event = replace(event, segment=self._pauses.add_to(event.segment))
                        self._tell_until([event.segment])
                        if self.first_segment_at is None:
                            self.first_segment_at = perf_counter()
                    yield event
            if (whole := self.transcript) is not None:
                whole = replace(whole, segments=tuple(map(self._pauses.add_to, whole.segments)))
                self.transcript = self._pauses.add_waveform(whole)
        except Exception as error:
            self._failed = True
            self.expired = isinstance(error, DeadlineExceeded)
            self.unreadable = error.code if isinstance(error, AudioError) else None
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


GoOn = Callable[[Sequence[Segment], Mapping[int, str]], Awaitable[Transcription]]
"""From what was told, and known speakers' names by number, to the transcription of what comes behind."""


class StreamTranscription(Transcription):
    """Of one engine stream, which it feeds and whose answer it reads: a mixed recording, or one channel.

    ``put``: puts the question to the stream.
    ``go_on``: how what the answer does not come to is heard; None where the caller set its limit.
    ``again``: a later attempt answers all of it again, and not behind what was told.
    """

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        put: Callable[[], HeardAnswer],
        recording: Recording,
        audio: StreamAudio,
        assembler: TranscriptAssembler | FreeTextAssembler,
        decode_seconds: float,
        begun: Begun,
        go_on: GoOn | None = None,
        *,
        again: bool = False,
    ) -> None:
        super().__init__(recording, recording.seconds, decode_seconds)
        self._tell_until(begun.segments)
        self._before = begun.standing.loops
        start = max((segment.end for segment in begun.segments), default=recording.lead)
        self._telling = Telling(inf, start)
        self._start = start
        self._go_on = go_on
        self._more: Transcription | None = None
        self._tokens = len(question.begun)
        self._written = WrittenAnswer(assembler, question.begun)
        self._answered = begun.standing.answered
        self._again = again
        self._stream = stream
        self._question = question
        self._put = put
        self._blocks = audio.blocks
        self._assembler = assembler
        self._answer: HeardAnswer | None = None
        self._clock = recording.lead - audio.offset

    @property
    def first_token_at(self) -> float | None:
        return None if self._answer is None else self._answer.first_token_at

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._assembler.speaker_names

    @property
    def standings(self) -> tuple[Standing, ...]:
        more = () if self._more is None else self._more.standings[0].loops
        loops = (*so_far(later_loops(self._loops, -self.recording.lead), self._told_until), *more)
        return (Standing(loops=loops, answered=self._answered),)

    def close(self) -> None:
        """See Transcription."""
        self._stream.close()
        if self._more is not None:
            self._more.close()

    async def ask(self) -> None:
        """Feed the stream and put the question, before the events are read. Raises EngineError."""
        for block in self._pauses.heard(self._blocks, -self._clock):
            await self._stream.append(block)
        self._answer = self._put()

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        if self._answer is None:
            await self.ask()
        assert self._answer is not None
        async for part in self._answer:
            self._tokens += len(part.tokens)
            self._telling.careful = self._go_on is not None and near_limit(self._tokens, self._question.max_tokens)
            for event in self._written.read(part):
                for told in self._telling.feed(event):
                    self._stand(told)
                    yield told
        self._written.catch_up()
        done = self._answer.done
        assert done is not None
        if self._go_on is None or done.reason is EndReason.STOP or self._telling.until - self._start < PROGRESS:
            for told in self._finish(done):
                yield told
            return
        async with aclosing(self._behind(self._go_on, done)) as events:
            async for event in events:
                yield event

    async def _behind(self, go_on: GoOn, done: AnswerDone) -> AsyncGenerator[TranscriptEvent, None]:
        """The answer reached its limit: what it did not come to is heard in windows behind its last whole segment."""
        broken = self._telling.open
        if broken:
            for told in self._finish(done):
                yield told
        self._more = await go_on(self._assembler.segments, self._assembler.speaker_names)
        async with aclosing(self._more.events()) as events:
            async for event in events:
                yield event
        rest, costs = self._more.transcript, self._more.costs
        assert rest is not None
        assert rest.usage is not None
        assert costs is not None
        usage = self._usage(done) + rest.usage
        cut = broken or not rest.complete
        self.transcript = replace(
            rest,
            complete=not cut,
            usage=usage,
            notes=(*self.recording.notes, *loop_notes(self._loops), *([CUT] if broken else []), *rest.notes),
            loops=(*self._loops, *rest.loops),
            logprobs=(*self._assembler.logprobs, *rest.logprobs),
        )
        seconds = done.total_seconds - done.queue_seconds + costs.inference_seconds
        self.costs = Costs(done.queue_seconds, seconds, usage, EndReason.LENGTH if cut else EndReason.STOP)

    def _stand(self, told: TranscriptEvent) -> None:
        """What was told last a later attempt begins with."""
        if isinstance(told, SegmentClosed) and not self._again:
            self._answered = self._written.up_to(told)

    @property
    def _loops(self) -> tuple[LoopFound, ...]:
        """On the recording's clock."""
        found = () if self._answer is None else later_loops(self._answer.loops, self._clock)
        return (*later_loops(self._before, self.recording.lead), *found)

    def _finish(self, done: AnswerDone) -> list[TranscriptEvent]:
        usage = self._usage(done)
        last, self.transcript = self._assembler.finish(
            cut=done.reason is EndReason.LENGTH, usage=usage, notes=(*self.recording.notes, *loop_notes(self._loops))
        )
        self.transcript = replace(self.transcript, loops=self._loops)
        self.costs = Costs(done.queue_seconds, done.total_seconds - done.queue_seconds, usage, done.reason)
        return [told for event in last for told in self._telling.feed(event)]

    def _usage(self, done: AnswerDone) -> Usage:
        """What an earlier attempt was told, this one is forced to say: it is answer all the same."""
        forced = self._assembler.vocabulary.count(done.forced) if done.forced else 0
        return Usage(done.audio_tokens, done.prompt_tokens - done.audio_tokens - forced, done.answer_tokens + forced)
