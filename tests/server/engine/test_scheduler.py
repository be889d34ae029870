"""Properties of the scheduling policy, over random crowds of streams and random limits."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.seam.steps import Asked, RunnerInfo, StepPlan
from server.engine.settings import EngineSettings
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.stream import Phase, StreamState

BEFORE, AFTER = 5, 7


def make_info(pages: int, page_size: int, max_positions: int = 10_000) -> RunnerInfo:
    return RunnerInfo("", "", 24_000, 3_200, page_size, pages, max_positions, frozenset({1}), "", "", "")


def make_stream(number: int, frames: int = 10, answer: int = 8, queued: int = BEFORE) -> StreamState:
    worst = BEFORE + frames + AFTER + answer
    return StreamState(number, f"r{number}", frames, worst, answer, arrived=0.0, queued=queued)


@dataclass
class Job:
    """A stream with what the outside will do to it: when it comes, how its audio is fed, how long it answers."""

    stream: StreamState
    arrival: int
    feed: int
    fed: int = 0
    answer_left: int = field(init=False)

    def __post_init__(self) -> None:
        self.answer_left = self.stream.max_answer_tokens


@st.composite
def crowds(draw: st.DrawFn) -> tuple[EngineSettings, RunnerInfo, list[Job]]:
    max_rows = draw(st.integers(1, 5))
    limits = EngineSettings(
        max_rows=max_rows,
        prefill_positions=draw(st.integers(max_rows, 40)),
        encode_frames=draw(st.integers(1, 30)),
    )
    info = make_info(draw(st.integers(12, 40)), draw(st.integers(4, 16)))
    jobs = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        answer = draw(st.integers(1, 12))
        frames = draw(st.integers(0, info.pages * info.page_size - BEFORE - AFTER - answer))
        stream = make_stream(number, frames, answer)
        jobs.append(Job(stream, arrival=draw(st.integers(0, 10)), feed=draw(st.integers(1, max(frames, 1)))))
    return limits, info, sorted(jobs, key=lambda job: job.arrival)


def feed(job: Job) -> None:
    frames = min(job.feed, job.stream.announced_frames - job.fed)
    job.fed += frames
    job.stream.frames_waiting += frames
    job.stream.audio_finished = job.fed == job.stream.announced_frames


def check_plan(plan: StepPlan, limits: EngineSettings, running: dict[int, StreamState]) -> None:
    rows = {work.stream: work.positions for work in plan.rows}
    encode = {work.stream: work.frames for work in plan.encode}
    assert len(rows) == len(plan.rows) <= limits.max_rows
    assert len(encode) == len(plan.encode)
    assert set(rows) | set(encode) <= set(running)
    decoding = [s.number for s in running.values() if s.phase is Phase.DECODING and s.computable]
    assert not [number for number in rows if running[number].held], "nobody knows its next input yet"
    assert [(work.stream, work.positions) for work in plan.rows][: len(decoding)] == [(n, 1) for n in decoding]
    prefill = {number: count for number, count in rows.items() if number not in decoding}
    assert sum(prefill.values()) <= limits.prefill_positions
    assert all(0 < count <= running[number].queued for number, count in prefill.items())
    assert len(encode) * max(encode.values(), default=0) <= limits.encode_frames
    assert all(0 < frames <= running[number].frames_waiting for number, frames in encode.items())
    # The oldest stream that wants something gets a fair share of it, whoever else is there.
    wants_rows = [s for s in running.values() if s.queued and s.number not in decoding]
    if wants_rows:
        assert prefill[wants_rows[0].number] >= min(wants_rows[0].queued, limits.prefill_positions // 4)
    wants_encoding = [s for s in running.values() if s.frames_waiting]
    if wants_encoding:
        assert encode[wants_encoding[0].number] >= min(wants_encoding[0].frames_waiting, limits.encode_frames // 4)


def launch(plan: StepPlan, jobs: dict[int, Job], held: frozenset[int]) -> list[Job]:
    """Account for the plan. Returns the jobs that it answers."""
    for encode in plan.encode:
        jobs[encode.stream].stream.count_encoded(encode.frames)
    answering = []
    for row in plan.rows:
        stream, before = jobs[row.stream].stream, jobs[row.stream].stream.unread
        stream.count_launched(row.positions, held=row.stream in held)
        answering += [jobs[row.stream]] if stream.unread > before else []
    return answering


def read(answering: list[Job], scheduler: Scheduler) -> None:
    for job in answering:
        if job.answer_left:  # of a step beyond the end of the answer nobody hears
            job.stream.count_answered(1)
            job.answer_left -= 1
            if not job.answer_left:
                scheduler.remove(job.stream)


@settings(deadline=None, max_examples=80)
@given(crowds(), st.booleans(), st.frozensets(st.integers(1, 12)))
def test_every_crowd_is_served_within_the_limits(
    crowd: tuple[EngineSettings, RunnerInfo, list[Job]], ahead: bool, guessing: frozenset[int]
) -> None:
    """``ahead``: a step is read when the next one was launched; ``guessing``: streams that are held meanwhile."""
    limits, info, arrivals = crowd
    unread: list[Job] = []
    jobs = {job.stream.number: job for job in arrivals}
    scheduler = Scheduler(limits, info)
    admitted: list[int] = []
    # Each step moves at least one frame, position or token of the oldest stream, so this many steps always suffice.
    work = sum(2 * job.stream.announced_frames + 30 + 2 * job.answer_left for job in arrivals)
    for step in range(work + 20):
        if not any(job.answer_left for job in arrivals):
            break
        for job in arrivals:
            if job.arrival == step:
                scheduler.add(job.stream)
            if job.arrival <= step and not job.stream.audio_finished:
                feed(job)
        admitted += [stream.number for stream in scheduler.admit()]
        for stream in scheduler.running:
            if stream.ready_to_ask:
                stream.count_asked(Asked(stream.queued + AFTER, ""))
                scheduler.trim(stream)
        plan = scheduler.plan()
        check_plan(plan, limits, {stream.number: stream for stream in scheduler.running})
        launched = launch(plan, jobs, guessing if step % 2 else frozenset())
        read(unread if ahead else launched, scheduler)
        unread = launched
        assert scheduler.reserved_pages <= info.pages
        assert all(stream.positions <= stream.pages * info.page_size for stream in scheduler.running)
    assert admitted == [job.stream.number for job in arrivals]
    assert all(job.answer_left == 0 for job in arrivals)


def test_a_stream_that_can_never_fit_is_refused() -> None:
    scheduler = Scheduler(EngineSettings(), make_info(pages=4, page_size=8))
    with pytest.raises(ValueError, match="33 positions"):
        scheduler.add(make_stream(1, frames=13, answer=8))
    scheduler.add(make_stream(2, frames=12, answer=8))
    assert [stream.number for stream in scheduler.admit()] == [2]


def test_the_checkpoint_limits_a_stream_even_where_pages_would_reach() -> None:
    scheduler = Scheduler(EngineSettings(), make_info(pages=100, page_size=8, max_positions=31))
    with pytest.raises(ValueError, match="32 positions"):
        scheduler.add(make_stream(1, frames=12, answer=8))


def test_a_long_stream_at_the_head_is_not_overtaken() -> None:
    scheduler = Scheduler(EngineSettings(), make_info(pages=10, page_size=8))
    first, long, short = make_stream(1), make_stream(2, frames=60), make_stream(3)
    for stream in (first, long, short):
        scheduler.add(stream)
    assert scheduler.admit() == [first]
    assert scheduler.waiting == 2
    scheduler.remove(first)
    assert scheduler.admit() == [long]


def test_a_cancelled_head_lets_the_next_run() -> None:
    scheduler = Scheduler(EngineSettings(max_rows=1), make_info(pages=100, page_size=8))
    first, second, third = make_stream(1), make_stream(2), make_stream(3)
    for stream in (first, second, third):
        scheduler.add(stream)
    scheduler.admit()
    scheduler.remove(second)
    scheduler.remove(first)
    assert scheduler.admit() == [third]


def test_reservation_shrinks_to_the_audio_that_came() -> None:
    scheduler = Scheduler(EngineSettings(), make_info(pages=100, page_size=8))
    stream = make_stream(1, frames=400)
    scheduler.add(stream)
    scheduler.admit()
    stream.count_asked(Asked(BEFORE + 10 + AFTER, ""))
    scheduler.trim(stream)
    assert scheduler.reserved_pages == 4


def test_short_prompts_pass_a_long_one_that_still_advances() -> None:
    scheduler = Scheduler(EngineSettings(prefill_positions=100, encode_frames=100), make_info(pages=1000, page_size=8))
    long = make_stream(1, frames=3000, queued=1000)
    shorts = [make_stream(number, queued=30) for number in (2, 3, 4)]
    long.frames_waiting = 1000
    for short in shorts:
        short.frames_waiting = 25
    for stream in (long, *shorts):
        scheduler.add(stream)
    scheduler.admit()
    assert describe(scheduler.plan()) == "encode 1:25 2:25 3:25 4:25 | rows 1:25 2:30 3:30 4:15"


def test_one_stream_alone_gets_the_whole_budget() -> None:
    scheduler = Scheduler(EngineSettings(prefill_positions=100, encode_frames=60), make_info(pages=1000, page_size=8))
    stream = make_stream(1, frames=3000, queued=1000)
    stream.frames_waiting = 1000
    scheduler.add(stream)
    scheduler.admit()
    assert describe(scheduler.plan()) == "encode 1:60 | rows 1:100"


def test_nothing_to_do_is_an_empty_plan() -> None:
    scheduler = Scheduler(EngineSettings(), make_info(pages=10, page_size=8))
    assert scheduler.plan().empty
    assert describe(scheduler.plan()) == "encode - | rows -"
