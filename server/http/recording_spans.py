"""A recording's way through the server as spans below its request's: the body, then all until the answer's end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from types import TracebackType
from typing import Self

from server.recordings.transcription import Outcome, Transcription
from server.traceparent import current
from server.tracing.tracer import Span, Tracer, working_for


class RecordingSpans:
    """Context manager, from the request's beginning to the answer's end: ``upload``, then ``transcribe``.

    Below ``transcribe`` stand ``decode`` and, told by the worker, the streams of the engine.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._request = current.get()
        self._span: Span = tracer.start("upload", self._request)
        self._transcription: Transcription | None = None

    @contextmanager
    def transcribing(self) -> Iterator[None]:
        """The body is there, and inside it is decoded and given to the engine."""
        self._span.end()
        self._span = self._tracer.start("transcribe", self._request)
        with working_for(self._span):
            yield

    def opened(self, transcription: Transcription, began: float) -> None:
        """It is decoded; ``began``: when that did, by ``perf_counter``."""
        self._transcription = transcription
        start = _monotonic(began)
        decode = self._tracer.start("decode", self._span.traceparent, began=start)
        decode.end(at=start + transcription.decode_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = None if kind is None else kind.__name__
        if (transcription := self._transcription) is not None:
            if (first := transcription.first_token_at) is not None:
                self._span.event("first token", _monotonic(first))
            self._span.set({"asr.audio_s": transcription.recording.seconds, "asr.outcome": transcription.outcome.value})
            if failure is None and transcription.outcome is not Outcome.TRANSCRIBED:
                failure = transcription.outcome.value
        self._span.end(error=failure)


def _monotonic(at: float) -> float:
    """A time of ``perf_counter`` as one of ``monotonic``."""
    return monotonic() - (perf_counter() - at)
