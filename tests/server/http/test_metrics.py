"""What is counted, for good: over a worker's death, from the first of its kind on, under every label."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi.routing import APIWebSocketRoute

from server.app import ROUTERS
from server.audio_in.decode_pool import DecodePool
from server.audio_in.limits import DecodeLimits
from server.engine.figures import DeviceMemory
from server.http.sockets.delays import Delays
from server.http.sockets.sessions import LiveSessions
from server.live.channel_transcribers import ChannelTranscribers
from server.metrics.labels import DEADLINES, FAILURES, LIVE_ENDPOINTS, REJECTIONS
from server.metrics.metrics import Metrics
from tests.server.engine.conftest import eventually
from tests.server.live.test_channel_transcribers import Scripted
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

PATH = "/v1/audio/transcriptions"
WORK = (
    "asr_answer_tokens_total",
    "asr_encoded_frames_total",
    "asr_positions_total",
    "asr_worker_busy_seconds_total",
    "asr_step_seconds_count",
    "asr_step_seconds_sum",
    "asr_batch_size_count",
    "asr_batch_size_sum",
)


@pytest.fixture(scope="module")
def own() -> Iterator[RunningServer]:
    """A server whose worker may die."""
    with running_server(max_requests=7, max_live_sessions=5, max_rows=4, decode_processes=2) as running:
        yield running


def transcribe(server: RunningServer, wav: bytes) -> None:
    assert httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=PATIENCE).status_code == 200


def work(server: RunningServer) -> dict[str, float]:
    return {name: server.metric(name) for name in WORK}


# ------------------------------------------------------------------------------------------------------- the worker's


def test_what_the_worker_did_never_gets_less_when_another_takes_its_place(own: RunningServer, wav: bytes) -> None:
    transcribe(own, wav)
    own.wait_for(lambda: own.metric("asr_active_streams") == 0 and all(work(own).values()), "all of it is told")
    before = work(own)
    pid = own.service.engine.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    own.wait_for(lambda: own.metric("asr_worker_deaths_total", reason="killed") == 1, "the death is counted")
    assert work(own) == before, "also while there is no worker"
    own.wait_for(lambda: own.service.ready, "another one is there")
    assert all(work(own)[name] >= before[name] for name in WORK), "it begins at 0, and does not count from there"
    transcribe(own, wav)
    own.wait_for(lambda: all(work(own)[name] >= 2 * before[name] for name in WORK[:3]), "both are counted together")
    assert own.metric("asr_worker_restarts_total") == 1


def test_the_buckets_of_the_worker_add_up(own: RunningServer, wav: bytes) -> None:
    transcribe(own, wav)
    own.wait_for(lambda: own.metric("asr_step_seconds_count") > 0, "steps are told")
    page = httpx.get(f"{own.url}/metrics").text
    buckets = re.findall(r"^asr_step_seconds_bucket.* (\S+)$", page, re.MULTILINE)
    counts = [float(bucket) for bucket in buckets]
    assert counts == sorted(counts)
    assert f"asr_step_seconds_count {counts[-1]}" in page


def test_a_devices_own_memory_is_told_where_it_has_some(own: RunningServer, wav: bytes) -> None:
    transcribe(own, wav)
    engine = own.service.engine
    own.wait_for(lambda: engine.stats is not None and not engine.stats.running, "the worker has told its last")
    assert own.metric("asr_device_memory_bytes") == 0
    assert engine.stats is not None
    engine.stats = replace(engine.stats, memory=DeviceMemory(allocated=60, reserved=70, free=9, total=80))
    names = ("asr_device_memory_bytes", "asr_device_memory_free_bytes", "asr_device_memory_allocated_bytes")
    assert [own.metric(name) for name in names] == [80, 9, 60]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not tell")  # noqa: PTH110
def test_the_memory_of_every_kind_of_process_is_told(own: RunningServer, wav: bytes) -> None:
    transcribe(own, wav)
    shares = {kind: own.metric("asr_memory_resident_bytes", process=kind) for kind in ("api", "worker", "decoders")}
    assert all(10 << 20 < size < own.metric("asr_limit_memory_bytes") for size in shares.values()), shares


# ------------------------------------------------------------------------------------------------------ the server's


def test_limits_are_told_as_they_were_set(own: RunningServer) -> None:
    told = {name: own.metric(f"asr_limit_{name}") for name in ("requests", "live_sessions", "batch_size", "decodes")}
    assert told == {"requests": 7, "live_sessions": 5, "batch_size": 4, "decodes": 2}
    assert own.metric("asr_limit_spool_bytes") == own.service.spool.budget
    assert own.metric("asr_limit_memory_budget_bytes") == own.service.memory.limit


def test_what_a_recording_goes_through_is_timed(own: RunningServer, wav: bytes) -> None:
    timed = ("upload", "decode", "queue", "inference", "first_token", "first_segment")
    before = {name: own.metric(f"asr_{name}_seconds_count") for name in timed}
    transcribe(own, wav)
    assert {name: own.metric(f"asr_{name}_seconds_count") - before[name] for name in timed} == dict.fromkeys(timed, 1)
    sums = {name: own.metric(f"asr_{name}_seconds_sum") for name in timed}
    assert sums["upload"] <= sums["first_token"] <= sums["first_segment"]


async def test_files_that_are_decoded_and_files_that_wait_are_counted(wav: bytes) -> None:
    with DecodePool(1) as pool:
        limits = DecodeLimits(60.0, 60.0)
        await pool.decode(io.BytesIO(wav), limits)
        [pid] = pool.pids
        os.kill(pid, signal.SIGSTOP)
        try:
            decoding = [asyncio.create_task(pool.decode(io.BytesIO(wav), limits)) for _ in range(3)]
            await eventually(lambda: pool.running > 0)
            assert (pool.running, pool.waiting) == (1, 2)
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*decoding)
        assert (pool.running, pool.waiting, pool.pids) == (0, 0, [pid])


# ---------------------------------------------------------------------------------------------------------- labels


def test_every_reason_is_there_before_it_happens() -> None:
    page = "\n".join(str(sample) for family in Metrics().registry.collect() for sample in family.samples)
    for reason in (
        *REJECTIONS,
        *FAILURES,
        *DEADLINES.values(),
        "transcribe",
        "failed",
        "corrupt_audio",
        "engine_failed",
    ):
        assert re.search(rf"'{reason}'.*value=0", page), reason


def test_the_live_endpoints_are_those_that_there_are() -> None:
    routes = {route.path for router in ROUTERS for route in router.routes if isinstance(route, APIWebSocketRoute)}
    assert routes == set(LIVE_ENDPOINTS)


@pytest.mark.parametrize(
    ("code", "status", "counted"),
    [
        ("overloaded", 429, {"asr_rejections_total": "overloaded"}),
        ("worker_died", 503, {"asr_failures_total": "worker_died"}),
        ("upload_too_slow", 408, {"asr_rejections_total": "upload_too_slow", "asr_deadline_exceeded_total": "upload"}),
        ("decode_timeout", 400, {"asr_deadline_exceeded_total": "decode"}),
        ("a_new_one", 429, {"asr_rejections_total": "other"}),
        (None, 503, {"asr_rejections_total": "other"}),
        ("invalid_value", 400, {}),
        ("not_found", 404, {}),
    ],
)
def test_who_is_refused_is_counted_unless_it_is_his_own_fault(
    code: str | None, status: int, counted: dict[str, str]
) -> None:
    metrics = Metrics()
    metrics.refused(code, status)
    found = {
        sample.name: value
        for family in metrics.registry.collect()
        for sample in family.samples
        for value in sample.labels.values()
        if sample.name.startswith(("asr_rejections", "asr_failures", "asr_deadline")) and sample.value
    }
    assert found == counted


# ------------------------------------------------------------------------------------------------------------- live


def test_words_are_late_by_the_time_since_their_sound_was_there() -> None:
    words: list[float] = []
    delays = Delays(words.append, lambda _: None)
    for second in range(1, 11):
        delays.heard(float(second), now=100.0 + second)
    delays.committed(3.0, now=105.0)
    delays.committed(2.5, now=106.0)
    delays.committed(99.0, now=112.0)
    assert words == [2.0, 3.0, 2.0], "that at 3 s came at 103, that at 2.5 s with it, and that beyond the end at 110"


def test_audio_in_many_small_pieces_is_not_remembered_piece_by_piece() -> None:
    """An hour in frames of ten milliseconds, and nobody speaks. What is remembered is right to a tenth of a second."""
    words: list[float] = []
    delays = Delays(words.append, lambda _: None)
    for piece in range(1, 360_001):
        delays.heard(piece / 100, now=piece / 100)
    assert len(delays._at) <= 8192
    delays.committed(3599.0, now=3600.0)
    assert words == [pytest.approx(1.0, abs=0.11)]


def test_flushes_are_timed_each_by_itself() -> None:
    flushes: list[float] = []
    delays = Delays(lambda _: None, flushes.append)
    delays.asked("first", now=1.0)
    delays.asked("second", now=2.0)
    delays.flushed("second", now=2.5)
    delays.flushed("nobody's", now=3.0)
    delays.flushed("first", now=4.0)
    delays.flushed("first", now=9.0)
    assert flushes == [0.5, 3.0]


async def test_the_backlog_of_a_session_is_that_of_its_channel_furthest_behind() -> None:
    live = LiveSessions(8)
    made: list[Scripted] = []

    def make() -> Scripted:
        made.append(Scripted())
        return made[-1]

    async with ChannelTranscribers(make) as transcribers:
        await transcribers.open(2)
        made[0].backlog, made[1].backlog = 1.5, 4.0
        with live.running(transcribers):
            assert live.backlogs == [4.0]
        assert live.backlogs == []
