"""Properties of the scheduling policy, over random crowds of streams and random limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import HOP
from model.seam.runner import RunnerInfo
from model.seam.steps import PendingStep, StepPlan, StepResult, StepSizes
from model.seam.streams import Question, StreamCounts, StreamSpec
from server.engine.messages import AskStream
from server.engine.settings import EngineSettings
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.stream import Phase, StreamState
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner


def make_info(pages: int, page_size: int, max_positions: int = 10_000) -> RunnerInfo:
    return RunnerInfo("", "", VIBEVOICE_ASR, page_size, pages, max_positions, frozenset({1}), "", "", "")


def make_stream(number: int, frames: int = 10, answer: int = 8, queued: int = BEFORE, waiting: int = 0) -> StreamState:
    spec = StreamSpec(frames, Question(seed=answer, max_tokens=answer))
    counts = StreamCounts(waiting=waiting, queued=queued)
    return StreamState(number, f"r{number}", spec, BEFORE + frames + AFTER + answer, began=0.0, counts=counts)


def ask(stream: StreamState) -> None:
    """As the step loop does: the question came and its audio is encoded."""
    stream.ask(AskStream(stream.number, stream.spec.question, last=True), now=1.0)


@dataclass
class Job:
    """A stream with what the outside will do to it: when it comes and how its audio is fed."""

    stream: StreamState
    arrival: int
    feed: int
    fed: int = 0
    answered: bool = False


@st.composite
def crowds(draw: st.DrawFn) -> tuple[EngineSettings, ScriptedRunner, list[Job]]:
    max_rows = draw(st.integers(1, 5))
    steps = StepSizes(max_rows, draw(st.integers(max_rows, 40)), draw(st.integers(1, 30)))
    runner = ScriptedRunner(
        pages=draw(st.integers(12, 40)),
        page_size=draw(st.integers(4, 16)),
        drafts=draw(st.integers(0, 3)),
        launches_ahead=draw(st.booleans()),
    )
    jobs = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        answer = draw(st.integers(1, 12))
        room = runner.pages * runner.page_size - runner.drafts - BEFORE - AFTER - answer
        frames = draw(st.integers(0, room))
        stream = make_stream(number, frames, answer)
        jobs.append(Job(stream, arrival=draw(st.integers(0, 10)), feed=draw(st.integers(1, max(frames, 1)))))
    return EngineSettings(steps=steps), runner, sorted(jobs, key=lambda job: job.arrival)


def feed(job: Job, runner: ScriptedRunner) -> None:
    """The next audio; behind the last, the question."""
    stream = job.stream
    frames = min(job.feed, stream.spec.frames - job.fed)
    job.fed += frames
    runner.append(stream.number, np.zeros(frames * HOP, np.float32))
    stream.counts = runner.counts(stream.number)
    if job.fed == stream.spec.frames:
        ask(stream)


def check_plan(plan: StepPlan, limits: StepSizes, running: dict[int, StreamState]) -> None:
    rows = {work.stream: work.positions for work in plan.rows}
    encode = {work.stream: work.frames for work in plan.encode}
    assert len(rows) == len(plan.rows) <= limits.max_rows
    assert len(encode) == len(plan.encode)
    assert set(rows) | set(encode) <= set(running)
    decoding = [s.number for s in running.values() if s.phase is Phase.DECODING and s.computable]
    assert all(running[number].counts.queued for number in rows), "nobody knows its next input yet"
    assert [(work.stream, work.positions) for work in plan.rows][: len(decoding)] == [(n, 1) for n in decoding]
    prefill = {number: count for number, count in rows.items() if number not in decoding}
    assert sum(prefill.values()) <= limits.prefill_positions
    assert all(0 < count <= running[number].counts.queued for number, count in prefill.items())
    assert len(encode) * max(encode.values(), default=0) <= limits.encode_frames
    assert all(0 < frames <= running[number].counts.waiting for number, frames in encode.items())
    # The oldest stream that wants something gets a fair share of it, whoever else is there.
    if wants := [s for s in running.values() if s.computable and s.number not in decoding]:
        assert prefill[wants[0].number] >= min(wants[0].counts.queued, limits.prefill_positions // 4)
    if wants := [s for s in running.values() if s.counts.waiting]:
        assert encode[wants[0].number] >= min(wants[0].counts.waiting, limits.encode_frames // 4)


def put_questions(scheduler: Scheduler, runner: ScriptedRunner) -> None:
    for stream in scheduler.running:
        if stream.ready_to_ask:
            forced = runner.ask(stream.number, stream.spec.question)
            stream.counts = runner.counts(stream.number)
            stream.begin_answer(stream.spec.question, forced)
            scheduler.trim(stream)


def read(pending: PendingStep, scheduler: Scheduler, runner: ScriptedRunner, jobs: dict[int, Job]) -> None:
    """Count what was answered; with the stop token a stream ends."""
    for emitted in pending.read().emitted:
        job = jobs[emitted.stream]
        job.stream.counts = runner.counts(emitted.stream)
        if 1 in emitted.tokens:
            job.answered = True
            scheduler.remove(job.stream)
            runner.release(emitted.stream)


@settings(deadline=None, max_examples=80)
@given(crowds())
def test_every_crowd_is_served_within_the_limits(crowd: tuple[EngineSettings, ScriptedRunner, list[Job]]) -> None:
    """The runner has no page more than the scheduler knows of, and raises where a reservation does not hold."""
    limits, runner, arrivals = crowd
    unread = PendingStep(StepResult)
    jobs = {job.stream.number: job for job in arrivals}
    scheduler = Scheduler(limits, runner.info)
    admitted: list[int] = []
    # Each step moves at least one frame, position or token of the oldest stream, so this many steps always suffice.
    work = sum(2 * job.stream.spec.frames + 30 + 2 * job.stream.spec.question.max_tokens for job in arrivals)
    for step in range(work + 20):
        if all(job.answered for job in arrivals):
            break
        for job in arrivals:
            if job.arrival == step:
                runner.open(job.stream.number, job.stream.spec.level)
                scheduler.add(job.stream)
            if job.arrival <= step and job.stream.asked is None and not job.answered:
                feed(job, runner)
        admitted += [stream.number for stream in scheduler.admit()]
        put_questions(scheduler, runner)
        plan = scheduler.plan()
        check_plan(plan, limits.steps, {stream.number: stream for stream in scheduler.running})
        launched = PendingStep(StepResult) if plan.empty else runner.launch(plan)
        for number in {work.stream for work in plan.rows} | {work.stream for work in plan.encode}:
            jobs[number].stream.counts = runner.counts(number)
        read(unread if runner.launches_ahead else launched, scheduler, runner, jobs)
        unread = launched
        assert scheduler.reserved_pages <= runner.pages
        assert all(s.counts.cached <= s.pages * runner.page_size for s in scheduler.running)
    assert admitted == [job.stream.number for job in arrivals]
    assert all(job.answered for job in arrivals)


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
    scheduler = Scheduler(EngineSettings(steps=StepSizes(max_rows=1)), make_info(pages=100, page_size=8))
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
    ask(stream)
    stream.counts = StreamCounts(encoded=10, queued=BEFORE + 10 + AFTER)
    stream.begin_answer(stream.spec.question, forced="")
    scheduler.trim(stream)
    assert scheduler.reserved_pages == 4


def test_short_prompts_pass_a_long_one_that_still_advances() -> None:
    settings = EngineSettings(steps=StepSizes(prefill_positions=100, encode_frames=100))
    scheduler = Scheduler(settings, make_info(pages=1000, page_size=8))
    long = make_stream(1, frames=3000, queued=1000, waiting=1000)
    shorts = [make_stream(number, queued=30, waiting=25) for number in (2, 3, 4)]
    for stream in (long, *shorts):
        scheduler.add(stream)
    scheduler.admit()
    assert describe(scheduler.plan()) == "encode 1:25 2:25 3:25 4:25 | rows 1:25 2:30 3:30 4:15"


def test_one_stream_alone_gets_the_whole_budget() -> None:
    settings = EngineSettings(steps=StepSizes(prefill_positions=100, encode_frames=60))
    scheduler = Scheduler(settings, make_info(pages=1000, page_size=8))
    stream = make_stream(1, frames=3000, queued=1000, waiting=1000)
    scheduler.add(stream)
    scheduler.admit()
    assert describe(scheduler.plan()) == "encode 1:60 | rows 1:100"


def test_no_stream_has_more_encoded_at_once_than_is_wished_for() -> None:
    """By the settings, or by its own request; what others leave of a step is no reason to take more."""
    settings = EngineSettings(steps=StepSizes(prefill_positions=100, encode_frames=60), segment_seconds=2.0)
    scheduler = Scheduler(settings, make_info(pages=1000, page_size=8))
    usual, own = make_stream(1, frames=3000, waiting=1000), make_stream(2, frames=3000, waiting=1000)
    own.spec = replace(own.spec, segment_frames=7)
    for stream in (usual, own):
        scheduler.add(stream)
    scheduler.admit()
    assert describe(scheduler.plan()).startswith("encode 1:15 2:7 |")


def test_nothing_to_do_is_an_empty_plan() -> None:
    scheduler = Scheduler(EngineSettings(), make_info(pages=10, page_size=8))
    assert scheduler.plan().empty
    assert describe(scheduler.plan()) == "encode - | rows -"
