"""A recording's way through the server as spans: of a request the body, then all until the answer's end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from types import TracebackType
from typing import Self

from server.conversations.free_answer import FreeAnswer
from server.recordings.transcription import Outcome, Transcription
from server.traceparent import current
from server.tracing.tracer import Span, Tracer, working_for


class TranscriptionSpan:
    """A span of a transcription, below which stand ``decode`` and, told by the worker, the streams of the engine."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._transcription: Transcription | FreeAnswer | None = None

    def opened(self, transcription: Transcription | FreeAnswer, began: float) -> None:
        """It is decoded; ``began``: when that did, by ``perf_counter``."""
        self._transcription = transcription
        start = _monotonic(began)
        decode = self._tracer.start("decode", self._span.traceparent, began=start)
        decode.end(at=start + transcription.decode_seconds)

    def end(self, failure: str | None) -> None:
        """Nothing more is read of it; ``failure``: the kind of what went wrong beside it."""
        if (transcription := self._transcription) is not None:
            if (first := transcription.first_token_at) is not None:
                self._span.event("first token", _monotonic(first))
            self._span.set({"asr.audio_s": transcription.recording.seconds, "asr.outcome": transcription.outcome.value})
            if failure is None and transcription.outcome is not Outcome.TRANSCRIBED:
                failure = transcription.outcome.value
        self._span.end(error=failure)


class RecordingSpans:
    """Context manager, from the request's beginning to the answer's end: ``upload``, then ``transcribe``."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._request = current.get()
        self._upload: Span = tracer.start("upload", self._request)
        self._transcribe: TranscriptionSpan | None = None

    def received(self) -> None:
        """The body is there. Harmless when repeated."""
        self._upload.end()

    @contextmanager
    def transcribing(self) -> Iterator[None]:
        """Inside, the recording is decoded and given to the engine."""
        self.received()
        span = self._tracer.start("transcribe", self._request)
        self._transcribe = TranscriptionSpan(self._tracer, span)
        with working_for(span):
            yield

    def opened(self, transcription: Transcription | FreeAnswer, began: float) -> None:
        """See TranscriptionSpan."""
        assert self._transcribe is not None
        self._transcribe.opened(transcription, began)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = None if kind is None else kind.__name__
        if self._transcribe is None:
            self._upload.end(error=failure)
        else:
            self._transcribe.end(failure)


def _monotonic(at: float) -> float:
    """A time of ``perf_counter`` as one of ``monotonic``."""
    return monotonic() - (perf_counter() - at)
