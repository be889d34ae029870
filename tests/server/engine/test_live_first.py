"""Live streams beside a load of files: they find pages at once, and their steps are short."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.family import VIBEVOICE_ASR
from model.seam.steps import StepSizes
from model.seam.streams import Priority, StreamCounts
from server.engine.budget import live_positions
from server.engine.settings import EngineSettings
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.stream import StreamState
from tests.server.engine.test_scheduler import make_info, make_stream
from tests.server.engine.test_scheduler_limits import numbers, stream

PAGE = 8
INFO = make_info(pages=1_000, page_size=PAGE)
WINDOW = -(-live_positions(INFO, 10.0) // PAGE)
"""Pages of a live stream of ten seconds."""


def scheduler(live_streams: int, *, pages: int = 1_000, max_rows: int = 64) -> Scheduler:
    settings = EngineSettings(steps=StepSizes(max_rows=max_rows), live_streams=live_streams, live_seconds=10.0)
    return Scheduler(settings, make_info(pages=pages, page_size=PAGE))


def file(number: int, pages: int, priority: Priority = Priority.NORMAL) -> StreamState:
    return stream(number, PAGE * pages, priority)


def live(number: int) -> StreamState:
    return file(number, WINDOW, Priority.LIVE)


def test_a_window_is_what_a_session_reserves() -> None:
    assert live_positions(INFO, 10.0) == 75 + VIBEVOICE_ASR.prompt_tokens + 160 + 256


def test_files_leave_room_for_every_live_session_that_may_be() -> None:
    policy = scheduler(3)
    for number in range(100):
        policy.add(file(number, 20))
    taken = sum(one.pages for one in policy.admit())
    assert 1_000 - 3 * WINDOW - 20 < taken <= 1_000 - 3 * WINDOW
    for number in (101, 102, 103):
        policy.add(live(number))
        assert numbers(policy.admit()) == [number], "it waits for nobody's end"


def test_room_that_live_sessions_use_is_not_kept_a_second_time() -> None:
    policy = scheduler(3)
    for number in (1, 2):
        policy.add(live(number))
    policy.add(file(3, 1_000 - 3 * WINDOW))
    policy.add(file(4, 1))
    assert numbers(policy.admit()) == [1, 2, 3]
    policy.remove(policy.running[2])
    policy.add(file(5, WINDOW))
    assert numbers(policy.admit()) == [4, 5]


def test_more_live_sessions_than_there_is_room_for_still_leave_files_the_most() -> None:
    policy = scheduler(500)
    policy.add(file(1, 750))
    policy.add(file(2, 1))
    assert numbers(policy.admit()) == [1]
    policy.remove(policy.running[0])
    assert numbers(policy.admit()) == [2]


def test_a_file_that_needs_all_pages_runs_when_it_is_alone() -> None:
    """It would wait for ever otherwise."""
    policy = scheduler(3)
    policy.add(file(1, 1_000))
    assert numbers(policy.admit()) == [1]


@given(st.lists(st.tuples(st.integers(1, 400), st.sampled_from(Priority), st.booleans()), max_size=30))
def test_live_sessions_never_wait_for_files(events: list[tuple[int, Priority, bool]]) -> None:
    """Files of any size and priority come and go; while two others live, the third finds room, unless one file is so
    large that it was let in alone."""
    policy = scheduler(3)
    for number, (pages, priority, leaves) in enumerate(events, start=10):
        policy.add(file(number, pages, Priority.NORMAL if priority is Priority.LIVE else priority))
        policy.admit()
        if leaves and policy.running:
            policy.remove(policy.running[0])
    files = [one for one in policy.running if one.number >= 10]
    for number in (1, 2, 3):
        policy.add(live(number))
    admitted = {one.number for one in policy.admit()}
    assert {1, 2, 3} <= admitted or len(files) == 1


def test_beside_a_live_stream_that_computes_files_do_a_quarter() -> None:
    policy = Scheduler(EngineSettings(steps=StepSizes(max_rows=4, prefill_positions=100, encode_frames=100)), INFO)
    long = make_stream(1, frames=3_000, queued=1_000, waiting=1_000)
    session = make_stream(2, frames=300, queued=0)
    session.spec = replace(session.spec, priority=Priority.LIVE)
    for one in (long, session):
        policy.add(one)
    policy.admit()
    assert describe(policy.plan()) == "encode 1:100 | rows 1:100", "it listens, and computes nothing"
    session.counts = StreamCounts(queued=10)
    assert describe(policy.plan()) == "encode 1:25 | rows 1:15 2:10"
    session.counts = StreamCounts(queued=30)
    assert describe(policy.plan()) == "encode 1:25 | rows 1:30 2:30", "and live streams have all that they want"


@pytest.mark.parametrize("come_first", [False, True])
def test_what_may_go_first_does(come_first: bool) -> None:
    policy = scheduler(0, max_rows=2)
    urgent, usual = file(9, 1, Priority.HIGH), [file(number, 1) for number in (1, 2, 3)]
    for one in (urgent, *usual) if come_first else (*usual, urgent):
        policy.add(one)
    policy.add(file(20, 1, Priority.LIVE))
    assert numbers(policy.admit()) == [20, 9, 1]


def test_its_prompt_is_computed_first_too() -> None:
    settings = EngineSettings(steps=StepSizes(max_rows=4, prefill_positions=100, encode_frames=100))
    policy = Scheduler(settings, INFO)
    for number, queued in enumerate([1_000, 10, 20, 500], start=1):
        one = make_stream(number, frames=1_000, queued=queued)
        one.spec = replace(one.spec, priority=Priority.HIGH if number in (3, 4) else Priority.NORMAL)
        policy.add(one)
    policy.admit()
    assert describe(policy.plan()) == "encode - | rows 3:20 4:80"
