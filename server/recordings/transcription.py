"""One recording on its way through the model: audio in, transcript events out, and what it cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

from model.seam.audio import Samples
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, EndReason
from server.recordings.recording import Recording
from server.transcript.assembler import TranscriptAssembler
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Transcript, Usage


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


class Transcription:
    """Feeds an engine stream and reads its answer. Made by `Recordings.transcription`; ``events`` may be read once.

    Attributes:
        recording: what is known of the audio.
        decode_seconds: what it took to read it.
        speaker_names: see TranscriptAssembler.
        first_segment_at: ``perf_counter()`` when the first segment was closed, None before.
        transcript: once ``events`` is exhausted.
        costs: likewise.
    """

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        recording: Recording,
        blocks: Iterator[Samples],
        assembler: TranscriptAssembler,
        decode_seconds: float,
    ) -> None:
        self._stream = stream
        self._question = question
        self._blocks = blocks
        self._assembler = assembler
        self._failed = False
        self.recording = recording
        self.decode_seconds = decode_seconds
        self.speaker_names = assembler.speaker_names
        self.first_segment_at: float | None = None
        self.transcript: Transcript | None = None
        self.costs: Costs | None = None

    @property
    def outcome(self) -> Outcome:
        """What became of it, to be asked when nothing more is read."""
        if self.transcript is not None:
            return Outcome.TRANSCRIBED
        return Outcome.FAILED if self._failed else Outcome.CANCELLED

    async def whole(self) -> Transcript:
        """The finished transcript. Raises EngineError."""
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass
        assert self.transcript is not None
        return self.transcript

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What happens while the answer is read, as it happens. Raises EngineError."""
        try:
            await self._feed()
            answer = self._stream.ask(self._question, last=True)
            async for part in answer:
                for event in self._assembler.feed(part.tokens, part.logprobs):
                    if self.first_segment_at is None and isinstance(event, SegmentClosed):
                        self.first_segment_at = perf_counter()
                    yield event
            assert answer.done is not None
            for event in self._finish(answer.done):
                yield event
        except Exception:
            self._failed = True
            raise

    async def _feed(self) -> None:
        for block in self._blocks:
            await self._stream.append(block)

    def _finish(self, done: AnswerDone) -> list[TranscriptEvent]:
        usage = Usage(done.audio_tokens, done.prompt_tokens - done.audio_tokens, done.answer_tokens)
        last, self.transcript = self._assembler.finish(
            cut=done.reason is EndReason.LENGTH, usage=usage, notes=self.recording.notes
        )
        self.costs = Costs(done.queue_seconds, done.total_seconds - done.queue_seconds, usage, done.reason)
        return last
