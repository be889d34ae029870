"""128 clients upload real audio: what of it HTTP, decoding and pipes cost, and how late the event loop is meanwhile.

Recordings of 5 to 30 s of held-out speech, a third each as WAV, FLAC and MP3, are uploaded by a process of its own.
Meanwhile this one asks ``/health`` over and over, on a new connection each time as balancers do, and the server
measures its event loop. The same is measured before, without uploads. Clients and server share the machine's cores.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection

from bench.overhead.watch import lags
from bench.support import clips as material
from bench.support import service
from bench.support.processes import cpu_seconds
from bench.support.report import Goal, Report, percentiles

QUIET_SECONDS = 3.0
PAUSE = 0.02
"""Seconds between two questions for /health."""
CONTAINERS = ("WAV", "FLAC", "MP3")
STEP_SECONDS = 0.005
"""A decode step of the full model on one H100."""


def measure(report: Report, clients: int, requests: int) -> list[Goal]:
    """Print throughput, latencies and lags. Returns the goals."""
    clips = material.ragged_clips(24, shortest=5.0, longest=30.0)
    uploads = [service.form(service.encoded(clip, CONTAINERS[i % len(CONTAINERS)])) for i, clip in enumerate(clips)]
    times = -(-requests // len(clips))
    requests, audio = len(clips) * times, material.total_seconds(clips) * times
    flags = ["--max-requests", str(clients), "--max-rows", str(clients)]
    environment, spawn = {"BENCH_STEP": str(STEP_SECONDS)}, multiprocessing.get_context("spawn")
    with (
        service.running_server(*flags, module="bench.overhead.server", environment=environment) as server,
        ProcessPoolExecutor(1, mp_context=spawn) as others,
    ):
        warm_up = min(clients, len(uploads))
        others.submit(service.transcribe, server.base, uploads, concurrency=warm_up).result()
        deadline = time.monotonic() + QUIET_SECONDS
        quiet = _Watched(server.base, lambda: time.monotonic() < deadline)
        before, began = cpu_seconds(server.pid), time.perf_counter()
        load = others.submit(service.transcribe, server.base, uploads * times, concurrency=clients)
        loaded = _Watched(server.base, lambda: not load.done())
        seconds, spent = time.perf_counter() - began, cpu_seconds(server.pid) - before
        latencies = load.result()[1]
    upload = percentiles(latencies, 50, 95, 99)
    report.say(
        f"{requests} uploads, {audio:.0f} s of audio, {clients} clients, {1000 * STEP_SECONDS:g} ms a step: "
        f"{requests / seconds:.1f} requests/s, {audio / seconds:.0f} s of audio per second; "
        f"upload to answer p50 {upload[0]:.2f} s, p95 {upload[1]:.2f} s, p99 {upload[2]:.2f} s; CPU: {spent}"
    )
    report.table(
        ["ms", "without uploads, p50", "p99", "under load, p50", "p99"],
        [["event loop late by", *quiet.lag, *loaded.lag], ["/health answers in", *quiet.health, *loaded.health]],
    )
    return [
        Goal("audio-seconds-per-cpu-second-beside-the-model", audio / (spent.api + spent.decoders), 250.0),
        Goal("audio-seconds-per-cpu-second-of-the-api-process", audio / spent.api, 1000.0),
        Goal("health-p99-over-upload-p50", loaded.health_p99 / upload[0], 0.1, at_least=False),
    ]


class _Watched:
    """Latencies of ``/health`` and lags of the event loop while a condition holds. Cells are in milliseconds."""

    def __init__(self, base: str, holds: Callable[[], bool]) -> None:
        lags(base)
        times = []
        while holds():
            began = time.perf_counter()
            _ask_health(base)
            times.append(time.perf_counter() - began)
            time.sleep(PAUSE)
        late = lags(base)
        self.health_p99 = percentiles(times, 99)[0]
        self.health = [f"{1000 * value:.1f}" for value in percentiles(times, 50, 99)]
        self.lag = [f"{1000 * value:.1f}" for value in percentiles(late, 50, 99)]


def _ask_health(base: str) -> None:
    """On a new connection. A client library would spend more time on making itself than the server on its answer."""
    connection = HTTPConnection(base.removeprefix("http://"), timeout=60)
    with closing(connection):
        connection.request("GET", "/health")
        if connection.getresponse().status != HTTPStatus.OK:
            raise RuntimeError("the server is not healthy")
