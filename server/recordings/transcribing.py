"""One recording through the engine: audio in, transcript events out, and what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from time import perf_counter

from model.seam.audio import SAMPLE_RATE
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, EndReason
from server.metrics import Metrics
from server.recordings.recording import Recording
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Transcript, Usage

_BLOCK = 10 * SAMPLE_RATE
"""Samples that are handed to the engine at a time."""


class Transcribing:
    """Feeds an engine stream and reads its answer; ``events`` may be iterated once.

    Attributes:
        speaker_names: see TranscriptAssembler.
        transcript: once ``events`` is exhausted.
    """

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        recording: Recording,
        vocabulary: Vocabulary,
        *,
        metrics: Metrics,
        began: float,
        log: dict[str, object],
    ) -> None:
        """``began``: ``perf_counter()`` when the request came. ``log``: fields for the request's log record."""
        self._stream = stream
        self._question = question
        self._recording = recording
        self._assembler = TranscriptAssembler(
            vocabulary, recording.seconds, clips=recording.clips, offset=recording.offset
        )
        self._metrics = metrics
        self._began = began
        self._log = log
        self.speaker_names = self._assembler.speaker_names
        self.transcript: Transcript | None = None

    async def whole(self) -> Transcript:
        """The finished transcript. Raises EngineError."""
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass
        assert self.transcript is not None
        return self.transcript

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What happens while the answer is read, as it happens. Raises EngineError."""
        with self._outcome():
            await self._feed()
            waits_for_segment = True
            answer = self._stream.ask(self._question, last=True)
            async for part in answer:
                for event in self._assembler.feed(part.tokens, part.logprobs):
                    if waits_for_segment and isinstance(event, SegmentClosed):
                        self._metrics.first_segment.observe(perf_counter() - self._began)
                        waits_for_segment = False
                    yield event
            assert answer.done is not None
            for event in self._finish(answer.done):
                yield event

    async def _feed(self) -> None:
        samples = self._recording.samples
        for start in range(0, samples.size, _BLOCK):
            await self._stream.append(samples[start : start + _BLOCK])

    def _finish(self, done: AnswerDone) -> list[TranscriptEvent]:
        last, self.transcript = self._assembler.finish(
            cut=done.reason is EndReason.LENGTH,
            usage=Usage(done.audio_tokens, done.prompt_tokens - done.audio_tokens, done.answer_tokens),
            notes=self._recording.notes,
        )
        inference = done.total_seconds - done.queue_seconds
        real_time_factor = inference / self._recording.seconds
        self._metrics.queue.observe(done.queue_seconds)
        self._metrics.inference.observe(inference)
        self._metrics.real_time_factor.observe(real_time_factor)
        if not self.transcript.complete:
            self._metrics.incomplete.inc()
        self._log |= {
            "queue_s": round(done.queue_seconds, 3),
            "inference_s": round(inference, 3),
            "rtf": round(real_time_factor, 4),
            "answer_tokens": done.answer_tokens,
            "end": done.reason.value,
        }
        return last

    @contextmanager
    def _outcome(self) -> Iterator[None]:
        """Count the audio by what became of it."""
        outcome = "failed"
        try:
            yield
            outcome = "transcribed"
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            self._metrics.cancellations.labels("transcribe").inc()
            raise
        finally:
            self._metrics.audio.labels(outcome).inc(self._recording.seconds)
            self._log["outcome"] = outcome
