"""The step loop: answers of many streams, what one that fails costs, when the loop rests and what it reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from model.seam.steps import PendingStep, StepPlan, StepSizes
from model.seam.streams import Question
from server.engine.messages import (
    AnswerTokens,
    AppendAudio,
    AskStream,
    CloseStream,
    CropStream,
    EndReason,
    FailureCode,
    RejoinStream,
    StopWorker,
    ToClient,
    ToWorker,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop
from tests.server.engine.scripted_loop import (
    LIVE,
    Bench,
    Script,
    asking,
    audio,
    done,
    failed,
    frames_of_audio,
    live_stream,
    opening,
    whole,
)
from tests.support.scripted_runner import AFTER, BEFORE, FIRST, ScriptedRunner, Trouble


def test_an_answer_with_what_it_cost() -> None:
    bench = Bench()

    def script() -> Script:
        opened = opening(1, frames=3)
        yield [opened]
        yield [AppendAudio(1, audio(1.5))]
        yield [AppendAudio(1, audio(1.2)), asking(opened)]
        yield from bench.until_rest()

    bench.run(script())
    assert bench.tokens(1) == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4]
    [end] = bench.ends()
    assert done(end).reason is EndReason.STOP
    assert (done(end).prompt_tokens, done(end).audio_tokens, done(end).answer_tokens) == (BEFORE + 3 + AFTER, 3, 5)
    assert done(end).queue_seconds == 0.0
    assert 0 < done(end).first_token_seconds < done(end).total_seconds
    assert bench.sent.index(end) > max(i for i, m in enumerate(bench.sent) if isinstance(m, AnswerTokens))
    assert bench.stats.pages_used == bench.stats.running == bench.stats.waiting == 0


def test_many_streams_share_steps_and_all_end() -> None:
    bench = Bench(ScriptedRunner(pages=40))

    def script() -> Script:
        for stream in range(1, 21):
            yield whole(stream, frames=stream % 7, answer=stream)
        yield from bench.until_rest()

    bench.run(script())
    for stream in range(1, 21):
        assert len(bench.tokens(stream)) == stream
        assert len(bench.ends(stream)) == 1
    assert max(len(plan.rows) for plan in bench.runner.plans) > 3
    assert bench.runner.free_pages == 40


def test_waiting_for_pages_counts_as_queue_time() -> None:
    bench = Bench(ScriptedRunner(pages=8))  # each stream needs all eight

    def script() -> Script:
        yield whole(1)
        yield whole(2)
        yield from bench.until_rest()

    bench.run(script())
    first, second = map(done, bench.ends())
    assert (first.stream, second.stream) == (1, 2)
    assert second.queue_seconds > 5
    assert any(isinstance(m, WorkerStats) and (m.running, m.waiting) == (1, 1) for m in bench.sent)


@pytest.mark.parametrize(("answer", "limit", "reason"), [(5, 5, "stop"), (5, 4, "length"), (4, 5, "stop")])
def test_the_answer_is_cut_at_its_limit(answer: int, limit: int, reason: str) -> None:
    bench = Bench()

    def script() -> Script:
        yield whole(1, answer=answer, limit=limit)
        yield from bench.until_rest()

    bench.run(script())
    assert len(bench.tokens(1)) == min(answer, limit)
    [end] = bench.ends()
    assert (done(end).reason, done(end).answer_tokens) == (reason, min(answer, limit))


@pytest.mark.parametrize("limit", [1, 6, 7, 9, 10, 11, 12, 13, 40])
def test_guessed_tokens_change_nothing_but_the_number_of_steps(limit: int) -> None:
    # Pages for both streams without their guesses, so that one has to wait: side by side they would run out of them.
    pages = 2 * -(-(BEFORE + 10 + AFTER + limit) // 2)
    bench = Bench(ScriptedRunner(pages=pages, page_size=2, drafts=4))

    def script() -> Script:
        yield [*whole(1, answer=12, limit=limit), *whole(2, answer=12, limit=limit)]
        yield from bench.until_rest()

    bench.run(script())
    for stream in (1, 2):
        assert bench.tokens(stream) == list(range(FIRST, FIRST + min(12, limit)))
        assert [done(end).reason for end in bench.ends(stream)] == ["stop" if limit >= 12 else "length"]
    assert bench.runner.free_pages == pages


def test_what_can_never_fit_is_refused_at_once() -> None:
    bench = Bench(ScriptedRunner(pages=8, page_size=8))

    def script() -> Script:
        yield whole(1, frames=100)
        assert [failed(end).code for end in bench.ends()] == [FailureCode.TOO_LONG]
        yield whole(2)
        yield from bench.until_rest()

    bench.run(script())
    assert "152 positions" in failed(bench.ends(1)[0]).message
    assert done(bench.ends(2)[0]).reason is EndReason.STOP


def test_more_audio_than_announced_fails_the_stream_alone() -> None:
    bench = Bench()

    def script() -> Script:
        opened = opening(2, frames=2)
        yield [*whole(1, answer=30), opened, AppendAudio(2, audio(3))]
        yield [asking(opened)]
        yield from bench.until_rest()

    bench.run(script())
    assert failed(bench.ends(2)[0]).code is FailureCode.TOO_LONG
    assert done(bench.ends(1)[0]).reason is EndReason.STOP


@pytest.mark.parametrize("phase", ["waiting", "listening", "encoding", "prefilling", "decoding"])
def test_a_closed_stream_is_freed_before_the_next_step(phase: str) -> None:
    settings = EngineSettings(steps=StepSizes(max_rows=2, prefill_positions=8, encode_frames=4))
    bench = Bench(ScriptedRunner(pages=12), settings)
    victim = 2

    def script() -> Script:
        yield whole(1, frames=2, answer=1000, limit=20)  # company that goes on
        if phase == "waiting":
            yield whole(2, frames=50, limit=1)  # needs pages that stream 1 holds
            assert bench.stats.waiting == 1
        else:
            opened = opening(2, frames=10, answer=1000, limit=10)
            yield [opened, AppendAudio(2, audio(10))]
            if phase != "listening":
                yield [asking(opened)]
            if phase == "prefilling":
                yield from bench.until(lambda: bench.runner.streams[2].question is not None)
            if phase == "decoding":
                yield from bench.until(lambda: len(bench.tokens(2)) > 2)
        steps = len(bench.runner.plans)
        late: list[ToWorker] = [AppendAudio(victim, audio(1)), CropStream(victim), AskStream(victim, Question())]
        yield [CloseStream(victim), CloseStream(victim), *late]
        assert victim not in bench.runner.streams
        assert len(bench.runner.plans) == steps + 1
        yield from bench.until_rest()
        for plan in bench.runner.plans[steps:]:
            assert victim not in {work.stream for work in plan.encode} | {work.stream for work in plan.rows}

    bench.run(script())
    assert bench.ends(victim) == []
    assert [done(end).reason for end in bench.ends(1)] == [EndReason.LENGTH]
    assert bench.runner.free_pages == 12


@pytest.mark.parametrize("drafts", [0, 3])
@pytest.mark.parametrize("limit", [1, 2, 7, 40])
def test_a_step_launched_before_the_last_is_read_changes_no_answer(drafts: int, limit: int) -> None:
    ran = []
    for ahead in (False, True):
        bench = Bench(ScriptedRunner(pages=70, drafts=drafts, launches_ahead=ahead))

        def script(bench: Bench = bench) -> Script:
            for stream in range(1, 8):
                yield whole(stream, frames=stream, answer=3 * stream, limit=limit)
            yield [*live_stream(9, answer=5), frames_of_audio(9, 7), AskStream(9, LIVE)]
            yield from bench.until(lambda: len(bench.ends(9)) == 1)
            yield [frames_of_audio(9, 4), AskStream(9, LIVE)]
            yield [CloseStream(3)]
            yield from bench.until(lambda: len(bench.ends(9)) == 2)
            yield [CloseStream(9)]
            yield from bench.until_rest()

        bench.run(script())
        assert bench.runner.free_pages == 70
        assert [len(bench.ends(stream)) for stream in (1, 2, 4, 5, 6, 7, 9)] == [1] * 6 + [2]
        answered = [(done(end).reason, done(end).audio_tokens) for end in bench.ends(9)]
        ran.append(([bench.tokens(stream) for stream in (1, 2, 4, 5, 6, 7, 9)], answered))
    assert ran[0] == ran[1]


def test_no_step_is_launched_beyond_the_longest_answer() -> None:
    """Pages of one position, and as many as are reserved: one input more would find none."""
    pages = BEFORE + 10 + AFTER + 6
    bench = Bench(ScriptedRunner(pages=pages, page_size=1, launches_ahead=True))

    def script() -> Script:
        yield whole(1, answer=50, limit=6)
        yield from bench.until_rest()

    bench.run(script())
    assert (len(bench.tokens(1)), done(bench.ends(1)[0]).reason) == (6, EndReason.LENGTH)


def test_what_is_launched_ahead_is_read_before_the_loop_rests() -> None:
    bench = Bench(ScriptedRunner(launches_ahead=True))

    def script() -> Script:
        yield whole(1, answer=4)
        yield from bench.until_rest()
        assert bench.runner.unread == 0

    bench.run(script())
    rows = [[work.stream for work in plan.rows] for plan in bench.runner.plans]
    assert rows[-1] == [1], "a row beyond the stop token"
    assert bench.tokens(1) == [FIRST + i for i in range(4)]
    assert done(bench.ends(1)[0]).reason is EndReason.STOP


def test_no_memory_even_for_one_stream_fails_that_stream_alone() -> None:
    bench = Bench(ScriptedRunner(full=frozenset({2})))

    def script() -> Script:
        yield [*whole(1), *whole(2), *whole(3)]
        yield from bench.until_rest()

    bench.run(script())
    assert failed(bench.ends(2)[0]).code is FailureCode.OUT_OF_MEMORY
    assert [done(bench.ends(n)[0]).reason for n in (1, 3)] == [EndReason.STOP] * 2
    assert bench.runner.free_pages == bench.runner.pages


@pytest.mark.parametrize("trouble", [Trouble.OUT_OF_MEMORY, Trouble.ERROR])
@pytest.mark.parametrize("ahead", [False, True])
def test_a_step_that_fails_lets_its_streams_go_and_no_other(trouble: Trouble, ahead: bool) -> None:
    settings = EngineSettings(steps=StepSizes(max_rows=2))
    bench = Bench(ScriptedRunner(pages=64, launches_ahead=ahead), settings)

    def script() -> Script:
        yield [*whole(1, answer=1000), *whole(2, context=trouble), *whole(3)]
        yield from bench.until_rest()

    bench.run(script())
    assert bench.lost == [(1, 2)]
    assert bench.ends(1) == bench.ends(2) == []
    assert done(bench.ends(3)[0]).reason is EndReason.STOP
    assert bench.runner.free_pages == 64


@pytest.mark.parametrize(
    ("trouble", "code"), [(Trouble.OUT_OF_MEMORY, FailureCode.OUT_OF_MEMORY), (Trouble.ERROR, FailureCode.INTERNAL)]
)
def test_who_fails_by_itself_has_failed(trouble: Trouble, code: FailureCode) -> None:
    bench = Bench()

    def script() -> Script:
        yield whole(1, context=trouble)
        yield from bench.until_rest()
        yield whole(2)
        yield from bench.until_rest()

    bench.run(script())
    assert failed(bench.ends(1)[0]).code is code
    assert done(bench.ends(2)[0]).reason is EndReason.STOP


def test_a_device_that_is_lost_leaves_the_loop_and_who_was_in_work() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*whole(1, context=Trouble.DEVICE_FAULT), *whole(2), opening(3)]
        yield from bench.until_rest()

    with pytest.raises(RuntimeError, match="device-side assert"):
        bench.run(script())
    assert bench.box.in_hand == {1, 2}
    assert bench.ends() == []


def test_when_nothing_succeeds_any_more_it_is_for_no_stream() -> None:
    bench = Bench()

    def script() -> Script:
        for number in range(1, 100):
            yield whole(number, frames=0, context=Trouble.ERROR)
            yield from bench.until_rest()

    class Broken(ScriptedRunner):
        def launch(self, plan: StepPlan) -> PendingStep:
            raise ValueError("nothing works")

    bench.runner = Broken()
    with pytest.raises(ValueError, match="nothing works"):
        bench.run(script())
    assert 5 < len(bench.ends()) < 10


@pytest.mark.parametrize("ahead", [False, True])
def test_what_is_in_work_is_known_from_before_a_launch_until_it_cannot_matter_any_more(ahead: bool) -> None:
    bench = Bench(ScriptedRunner(launches_ahead=ahead))
    seen: list[frozenset[int]] = []
    launch = bench.runner.launch

    def looked(plan: StepPlan) -> PendingStep:
        seen.append(bench.box.in_hand)
        return launch(plan)

    bench.runner.launch = looked  # type: ignore[method-assign]

    def script() -> Script:
        yield whole(1, frames=2, answer=3)
        yield from bench.until_rest()
        assert bench.box.in_hand == frozenset()

    bench.run(script())
    assert set(seen) == {frozenset({1})}


class Settling(ScriptedRunner):
    """Notes how many steps had been launched when it was to settle."""

    def __init__(self, *, ahead: bool) -> None:
        super().__init__(pages=640, launches_ahead=ahead)
        self.settled: list[int] = []

    def settle(self) -> None:
        super().settle()
        self.settled.append(len(self.plans))


@pytest.mark.parametrize("ahead", [False, True])
def test_a_company_runs_before_others_and_in_steps_of_its_own_until_it_rejoins_them(ahead: bool) -> None:
    runner = Settling(ahead=ahead)
    bench = Bench(runner)
    members = {1: None, 2: 7, 3: None, 4: 7, 5: 8, 6: None}
    rejoined: list[int] = []

    def script() -> Script:
        opened = [replace(opening(number, answer=20), company=company) for number, company in members.items()]
        yield [message for each in opened for message in (each, AppendAudio(each.stream, audio(10)), asking(each))]
        yield from bench.until(lambda: len(bench.tokens(5)) > 3)
        rejoined.append(len(runner.plans))
        yield [RejoinStream(5)]
        yield from bench.until_rest()

    bench.run(script())
    streams = [{row.stream for row in plan.rows} | {work.stream for work in plan.encode} for plan in runner.plans]
    first = [min(where for where, step in enumerate(streams) if number in step) for number in (2, 5, 1)]
    assert set().union(*streams[: first[1]]) == {2, 4}
    assert set().union(*streams[first[1] : first[2]]) == {5}
    assert rejoined == [first[2]]
    assert set().union(*streams[first[2] :]) == {1, 3, 5, 6}
    assert {first[1], first[2]} <= set(runner.settled), "others' work was still in hand"
    assert [done(bench.ends(number)[0]).answer_tokens for number in members] == [20] * 6


@pytest.mark.parametrize("trouble", [Trouble.BAD_PROMPT, Trouble.BAD_QUESTION])
def test_an_error_that_concerns_one_stream_ends_that_stream_alone(trouble: Trouble) -> None:
    bench = Bench()

    def script() -> Script:
        yield [*whole(1, answer=20), *whole(2, context=trouble)]
        yield from bench.until_rest()

    bench.run(script())
    assert [failed(end).code for end in bench.ends(2)] == [FailureCode.INTERNAL]
    assert done(bench.ends(1)[0]).reason is EndReason.STOP
    assert bench.runner.free_pages == bench.runner.pages


def test_idle_means_blocked_with_open_streams_too() -> None:
    bench = Bench()

    def script() -> Script:
        assert bench.patience == [None]
        yield [opening(1)]
        yield from bench.until_rest()
        assert bench.patience[-1] is None
        assert bench.box.turn is None, "others would take it for a turn that never ends"

    bench.run(script())


def test_pages_are_checked_once_when_nothing_runs() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*whole(1, answer=3), *whole(2, answer=20)]
        yield from bench.until_rest()
        assert bench.runner.integrity_checks == 1
        yield []
        assert bench.runner.integrity_checks == 1

    bench.run(script())


def test_leaked_pages_leave_the_loop() -> None:
    bench = Bench(ScriptedRunner(leak=True))

    def script() -> Script:
        yield whole(1)
        yield from bench.until_rest()

    with pytest.raises(AssertionError, match="leaked"):
        bench.run(script())


def test_stats_are_coalesced_while_nothing_begins_or_ends() -> None:
    bench = Bench()
    sent_at: list[float] = []

    def script() -> Script:
        yield whole(1, answer=400, limit=400)
        for _ in range(200):
            bench.now -= 0.99  # a step takes 10 ms
            yield []
        sent_at.extend(m.done.steps for m in bench.sent if isinstance(m, WorkerStats))

    bench.run(script())
    gaps = [b - a for a, b in pairwise(sent_at[2:])]
    assert len(gaps) >= 5
    assert min(gaps) >= 25


def test_the_time_of_steps_counts_as_busy_and_no_other() -> None:
    class SlowRunner(ScriptedRunner):
        def launch(self, plan: StepPlan) -> PendingStep:
            bench.now += 0.25
            return super().launch(plan)

    bench = Bench(SlowRunner())

    def script() -> Script:
        yield whole(1)
        yield from bench.until_rest()

    bench.run(script())
    assert bench.stats.done.steps > 2
    assert bench.stats.done.busy_seconds == pytest.approx(0.25 * bench.stats.done.steps)


def test_messages_of_one_turn_leave_together() -> None:
    batches: list[Sequence[ToClient]] = []
    runner = ScriptedRunner()
    inbox = iter([[*whole(1), *whole(2)], *([[]] * 12)])
    loop = StepLoop(
        runner,
        EngineSettings(),
        receive=lambda timeout: next(inbox, [StopWorker()]),
        send=batches.append,
        clock=lambda: 0.0,
    )
    loop.run()
    both = [batch for batch in batches if {1, 2} <= {m.stream for m in batch if isinstance(m, AnswerTokens)}]
    assert len(both) == 5
