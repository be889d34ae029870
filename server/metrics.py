"""Every metric of the server, declared once. Names follow Prometheus: base units, ``_total`` on counters.

Each application has its own registry, so that several can live in one process. Labels are of small closed sets; none
tells users apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from server.engine.client.engine import Engine
from server.version import server_version

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_REAL_TIME_FACTORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
_AUDIO_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 5400)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter(
            "asr_requests", "Requests answered.", ["endpoint", "method", "status"], registry=registry
        )
        self.request_duration = Histogram(
            "asr_request_duration_seconds",
            "From the request's headers to the end of the answer.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.decode = Histogram(
            "asr_decode_seconds", "Decoding an upload into samples.", buckets=_SECONDS, registry=registry
        )
        self.queue = Histogram(
            "asr_queue_seconds", "A request's wait for the model.", buckets=_SECONDS, registry=registry
        )
        self.inference = Histogram(
            "asr_inference_seconds", "From the end of the wait to the last token.", buckets=_SECONDS, registry=registry
        )
        self.first_segment = Histogram(
            "asr_first_segment_seconds",
            "From the request's headers to the first complete segment.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.real_time_factor = Histogram(
            "asr_request_rtf",
            "Seconds of inference per second of audio.",
            buckets=_REAL_TIME_FACTORS,
            registry=registry,
        )
        self.audio_input = Histogram(
            "asr_audio_input_seconds", "Length of accepted recordings.", buckets=_AUDIO_SECONDS, registry=registry
        )
        self.audio = Counter(
            "asr_audio_seconds",
            "Audio by what became of it: transcribed, cancelled or failed.",
            ["outcome"],
            registry=registry,
        )
        self.rejections = Counter(
            "asr_rejections", "Requests refused before work began, by reason.", ["reason"], registry=registry
        )
        self.cancellations = Counter(
            "asr_cancellations",
            "Requests whose client left: during upload, decode or transcribe.",
            ["stage"],
            registry=registry,
        )
        self.deadlines = Counter(
            "asr_deadline_exceeded",
            "Requests that were given up at their deadline: during upload, decode or transcribe.",
            ["stage"],
            registry=registry,
        )
        self.decode_errors = Counter(
            "asr_decode_errors", "Uploads that could not be decoded, by kind.", ["kind"], registry=registry
        )
        self.incomplete = Counter(
            "asr_incomplete_answers", "Answers cut at the length limit or malformed.", registry=registry
        )
        self.live_active = Gauge("asr_live_active_sessions", "Live sessions that run.", registry=registry)
        self.live_sessions = Counter(
            "asr_live_sessions",
            "Live sessions that ended, by how: closed, client_closed, cancelled, or the server's reason.",
            ["endpoint", "end"],
            registry=registry,
        )
        self.live_audio = Counter("asr_live_audio_seconds", "Audio heard in live sessions.", registry=registry)
        self.live_first_words = Histogram(
            "asr_live_first_words_seconds",
            "From a live session's first audio to its first words, final or not.",
            buckets=_SECONDS,
            registry=registry,
        )
        Info("asr_build", "The running software.", registry=registry).info({"version": server_version()})

    def watch(self, engine: Engine, *, ready: Callable[[], bool], draining: Callable[[], bool]) -> None:
        """Declare what is read from the engine and the server at the time of a scrape."""
        self.registry.register(_EngineCollector(engine, ready, draining))


class _EngineCollector(Collector):
    """Reads the engine's present state; the worker's figures are those of its last message, or 0 without a worker."""

    def __init__(self, engine: Engine, ready: Callable[[], bool], draining: Callable[[], bool]) -> None:
        self._engine = engine
        self._ready = ready
        self._draining = draining

    def collect(self) -> Iterator[Metric]:
        engine = self._engine
        admission, stats, info = engine.admission, engine.stats, engine.info
        pages_used = stats.pages_used if stats else 0
        pages_total = stats.pages_total if stats else 0
        gauges = (
            ("asr_ready", "1 while work may be sent here.", self._ready()),
            ("asr_draining", "1 while the server is about to stop.", self._draining()),
            ("asr_queue_requests", "Requests in work or waiting.", admission.requests),
            ("asr_queue_audio_seconds", "Audio of the requests in work or waiting.", admission.audio_seconds),
            ("asr_active_streams", "Recordings that the model works on.", stats.running if stats else 0),
            ("asr_waiting_streams", "Recordings that wait for the model.", stats.waiting if stats else 0),
            ("asr_batch_size", "Recordings computed in the last step.", stats.batch_rows if stats else 0),
            ("asr_kv_pages", "Pages of the KV cache.", pages_total),
            ("asr_kv_pages_used", "Pages of the KV cache that are in use.", pages_used),
            ("asr_kv_cache_usage_ratio", "Share of the KV cache in use.", pages_used / max(pages_total, 1)),
        )
        for name, documentation, value in gauges:
            yield GaugeMetricFamily(name, documentation, value=float(value))
        yield CounterMetricFamily(
            "asr_worker_restarts", "Workers that died without having been asked to stop.", value=engine.restarts
        )
        if info is not None:
            described = {"model": info.checkpoint, "device": info.device, "dtype": info.dtype}
            yield InfoMetricFamily(
                "asr_model", "The loaded checkpoint and how it runs.", value=described | {"attention": info.attention}
            )
