"""What requests and sessions count as they go. Names follow Prometheus: base units, ``_total`` on counters.

Each application has its own registry, so that several can live in one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from server.metrics.buckets import AUDIO_SECONDS, JOB_SECONDS, LIVE_SECONDS, REAL_TIME_FACTORS, SECONDS
from server.metrics.engine import EngineCollector
from server.metrics.jobs import JobsCollector
from server.metrics.labels import (
    DEADLINE_EXCEEDED,
    DEADLINES,
    DECODE_ERRORS,
    FAILURES,
    JOB_ENDS,
    LIVE_ENDPOINTS,
    OUTCOMES,
    REJECTIONS,
    SESSION_ENDS,
    Stage,
)
from server.metrics.process import ProcessesCollector
from server.metrics.server import ServerCollector
from server.metrics.watched import Watched


class _Collected(Collector):
    """What was read already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


class Metrics:
    """The metrics of one application: what is counted here, and what is read elsewhere at the time of a scrape."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each of the others, with the time of its first count
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._count_requests()
        self._count_recordings()
        self._count_sessions()
        self._count_jobs()

    def watch(self, watched: Watched) -> None:
        """Declare what is read from the server's parts at the time of a scrape."""
        for collector in (EngineCollector, ServerCollector, JobsCollector, ProcessesCollector):
            self.registry.register(collector(watched))

    async def exposition(self) -> bytes:
        """All of it in Prometheus' text format.

        What the event loop changes is read on the event loop, at once; writing it down, which is the longer part, holds
        nobody up in a thread.
        """
        collected = CollectorRegistry()
        collected.register(_Collected(tuple(self.registry.collect())))
        return await asyncio.to_thread(generate_latest, collected)

    def refused(self, code: str | None, status: int = HTTPStatus.BAD_REQUEST) -> None:
        """Count a request that was answered with this error, unless the client was at fault."""
        if code in FAILURES:
            self.failures.labels(code).inc()
        elif code in REJECTIONS:
            self.rejections.labels(code).inc()
        elif (
            code not in DEADLINES
            and code != DEADLINE_EXCEEDED
            and (status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500)
        ):
            self.rejections.labels("other").inc()
        if code is not None and (stage := DEADLINES.get(code)) is not None:
            self.deadlines.labels(stage).inc()

    def _count_requests(self) -> None:
        self.requests = self._counter("asr_requests", "Requests answered.", ["endpoint", "method", "status"])
        self.request_duration = self._histogram(
            "asr_request_duration_seconds", "From the request's headers to the end of the answer.", SECONDS, "endpoint"
        )
        self.rejections = self._counter(
            "asr_rejections", "Requests refused before work began, by reason.", ["reason"], product(REJECTIONS)
        )
        self.failures = self._counter(
            "asr_failures", "Requests that failed when work had begun, by reason.", ["reason"], product(FAILURES)
        )
        self.deadlines = self._counter(
            "asr_deadline_exceeded",
            "Requests that ended because a part of them took too long.",
            ["stage"],
            product(dict.fromkeys([*DEADLINES.values(), *(stage.value for stage in Stage)])),
        )

    def _count_recordings(self) -> None:
        self.upload = self._histogram("asr_upload_seconds", "From a request's headers to its whole body.", SECONDS)
        self.decode = self._histogram("asr_decode_seconds", "Decoding an upload into samples.", SECONDS)
        self.queue = self._histogram("asr_queue_seconds", "A request's wait for the model.", SECONDS)
        self.inference = self._histogram(
            "asr_inference_seconds", "From the end of the wait to the last token.", SECONDS
        )
        self.first_token = self._histogram(
            "asr_first_token_seconds", "From the request's headers to the answer's first token.", SECONDS
        )
        self.first_segment = self._histogram(
            "asr_first_segment_seconds", "From the request's headers to the first complete segment.", SECONDS
        )
        self.real_time_factor = self._histogram(
            "asr_request_rtf", "Seconds of inference per second of audio.", REAL_TIME_FACTORS
        )
        self.audio_input = self._histogram("asr_audio_input_seconds", "Length of accepted recordings.", AUDIO_SECONDS)
        self.audio = self._counter(
            "asr_audio_seconds",
            "Audio by what became of it: transcribed, cancelled or failed.",
            ["outcome"],
            product(OUTCOMES),
        )
        self.cancellations = self._counter(
            "asr_cancellations",
            "Requests whose client left: during upload, decode or transcribe.",
            ["stage"],
            product(stage.value for stage in Stage),
        )
        self.decode_errors = self._counter(
            "asr_decode_errors", "Uploads that could not be decoded, by kind.", ["kind"], product(DECODE_ERRORS)
        )
        self.incomplete = self._counter("asr_incomplete_answers", "Answers cut at the length limit or malformed.")

    def _count_sessions(self) -> None:
        self.live_sessions = self._counter(
            "asr_live_sessions",
            "Live sessions that ended, by how: closed, client_closed, cancelled, or the server's reason.",
            ["endpoint", "end"],
            product(LIVE_ENDPOINTS, SESSION_ENDS),
        )
        self.live_audio = self._counter("asr_live_audio_seconds", "Audio heard in live sessions.")
        self.live_first_words = self._histogram(
            "asr_live_first_words_seconds",
            "From a live session's first audio to its first words, final or not.",
            SECONDS,
        )
        self.live_final_word = self._histogram(
            "asr_live_final_word_seconds",
            "From the moment at which a word's audio was there to the moment at which the word was final.",
            LIVE_SECONDS,
        )
        self.live_flush = self._histogram(
            "asr_live_flush_seconds",
            "From the end of a turn, or a client's wish to have all its words, to the last of them.",
            LIVE_SECONDS,
        )

    def _count_jobs(self) -> None:
        self.jobs = self._counter("asr_jobs_ended", "Jobs that ended here, by how.", ["status"], product(JOB_ENDS))
        self.job_duration = self._histogram(
            "asr_job_duration_seconds", "From a job's acceptance to its end, the wait included.", JOB_SECONDS
        )

    def _counter(
        self, name: str, documentation: str, labels: Sequence[str] = (), values: Iterable[tuple[str, ...]] = ()
    ) -> Counter:
        """``values``: of the labels, which exist from the start."""
        counter = Counter(name, documentation, labels, registry=self.registry)
        for labelled in values:
            counter.labels(*labelled)
        return counter

    def _histogram(self, name: str, documentation: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, documentation, labels, buckets=buckets, registry=self.registry)
