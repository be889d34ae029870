"""The server's own state at the time of a scrape, and the limits it was given, for alerts to divide by them."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from server.metrics.families import gauges, labelled_counter
from server.metrics.watched import Watched
from server.resources import memory_limit
from server.settings import Settings
from server.version import VERSION

_TOLD = ("torch", "transformers")
"""Packages whose version decides what is answered and how fast."""


class ServerCollector(Collector):
    """Reads whether work is taken, what waits in front of the engine, and every limit."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._build = _build()
        self._limits = (*_limits(watched.settings), *_budgets(watched))

    def collect(self) -> Iterator[Metric]:
        watched = self._watched
        backlogs = tuple(watched.live.backlogs)
        yield from gauges(
            ("asr_ready", "1 while work may be sent here.", watched.ready),
            ("asr_draining", "1 while the server is about to stop.", watched.draining),
            ("asr_active_requests", "Requests whose answer has not ended, probes included.", watched.active_requests),
            ("asr_uploads", "Bodies that come in.", watched.uploads.taken),
            ("asr_spool_bytes", "Disk in use for bodies.", watched.spool.used),
            ("asr_memory_budget_used_bytes", "Memory taken for bodies and samples.", watched.memory.used),
            ("asr_decodes_waiting", "Uploads that wait for a decoder.", watched.decoders.waiting),
            ("asr_decodes_running", "Uploads that are being decoded.", watched.decoders.running),
        )
        yield labelled_counter(
            "asr_decoder_deaths",
            "Decoders that died before their answer, by reason; each file is given to another one, once.",
            "reason",
            watched.decoders.deaths,
        )
        yield from gauges(
            ("asr_live_active_sessions", "Places for live sessions that are taken.", watched.live.active),
            ("asr_live_backlog_seconds", "Audio of all live sessions that waits for the model.", sum(backlogs)),
            (
                "asr_live_backlog_max_seconds",
                "The same of the session that is furthest behind.",
                max(backlogs, default=0.0),
            ),
        )
        yield from self._limits
        yield self._build


def _build() -> Metric:
    described = {"version": VERSION, "python": platform.python_version()}
    for package in _TOLD:
        try:
            described[package] = version(package)
        except PackageNotFoundError:
            described[package] = ""
    return InfoMetricFamily("asr_build", "The running software.", value=described)


def _limits(settings: Settings) -> Iterator[Metric]:
    yield from gauges(
        ("asr_limit_requests", "Requests in work or waiting at most (--max-requests).", settings.max_requests),
        (
            "asr_limit_queue_audio_seconds",
            "Audio of requests in work or waiting at most (--max-queued-audio-seconds).",
            settings.max_queued_audio_seconds,
        ),
        ("asr_limit_uploads", "Bodies that come in at once (--max-uploads).", settings.max_uploads),
        ("asr_limit_live_sessions", "Live sessions at most (--max-live-sessions).", settings.max_live_sessions),
        ("asr_limit_upload_bytes", "Largest request body (--max-upload-bytes).", settings.max_upload_bytes),
        ("asr_limit_audio_seconds", "Longest recording (--max-audio-seconds).", settings.max_audio_seconds),
        ("asr_limit_batch_size", "Recordings computed in one step at most (--max-rows).", settings.max_rows),
    )


def _budgets(watched: Watched) -> Iterator[Metric]:
    yield from gauges(
        ("asr_limit_decodes", "Uploads decoded at once (--decode-processes).", watched.decoders.size),
        ("asr_limit_spool_bytes", "Disk for bodies at most (--spool-bytes, or a share of it).", watched.spool.budget),
        (
            "asr_limit_memory_budget_bytes",
            "Memory for bodies and samples at most (--memory-bytes, or a share of it).",
            watched.memory.limit,
        ),
        ("asr_limit_memory_bytes", "Memory of the machine that all processes may have.", memory_limit()),
    )
