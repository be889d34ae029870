"""The step loop with a scripted runner and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from model.family.vibevoice_asr.geometry import HOP
from model.seam.steps import PendingStep, StepPlan, StepSizes
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CloseStream,
    CropStream,
    EndReason,
    FailureCode,
    OpenStream,
    StopWorker,
    StreamFailed,
    ToClient,
    ToWorker,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop
from tests.support.scripted_runner import AFTER, BEFORE, FIRST, ScriptedRunner, Trouble

Script = Iterator[list[ToWorker]]
HEARTBEAT = 15.0


class Bench:
    """Runs a loop on a script: a generator whose every item is what the loop receives next; at its end it stops."""

    def __init__(self, runner: ScriptedRunner | None = None, settings: EngineSettings | None = None) -> None:
        self.runner = runner or ScriptedRunner()
        self.sent: list[ToClient] = []
        self.patience: list[float | None] = []
        self.now = 100.0
        self._settings = settings or EngineSettings(heartbeat_timeout=4 * HEARTBEAT)

    def run(self, script: Script) -> None:
        def receive(timeout: float | None) -> Sequence[ToWorker]:
            self.patience.append(timeout)
            self.now += 1.0
            return next(script, [StopWorker()])

        StepLoop(self.runner, self._settings, receive=receive, send=self.sent.extend, clock=lambda: self.now).run()

    @property
    def resting(self) -> bool:
        return self.patience[-1] != 0.0

    def until_rest(self) -> Script:
        while not self.resting:
            yield []

    def until(self, condition: Callable[[], bool]) -> Script:
        for _ in range(1000):
            if condition():
                return
            yield []
        raise AssertionError("never came true")

    def tokens(self, stream: int) -> list[int]:
        return [t for m in self.sent if isinstance(m, AnswerTokens) and m.stream == stream for t in m.tokens]

    def ends(self, stream: int | None = None) -> list[AnswerDone | StreamFailed]:
        ends = [m for m in self.sent if isinstance(m, AnswerDone | StreamFailed)]
        return [end for end in ends if stream in (None, end.stream)]

    @property
    def stats(self) -> WorkerStats:
        return [m for m in self.sent if isinstance(m, WorkerStats)][-1]


def audio(frames: float) -> bytes:
    return np.zeros(int(frames * HOP), dtype="<f4").tobytes()


def opening(
    stream: int, *, frames: int = 10, answer: int = 5, limit: int = 40, context: str | None = None
) -> OpenStream:
    question = Question(context, seed=answer, max_tokens=limit)
    return OpenStream(stream, f"r{stream}", StreamSpec(frames, question))


def asking(opened: OpenStream) -> AskStream:
    """The last question of a stream, which is that of its opening."""
    return AskStream(opened.stream, opened.spec.question, last=True)


def whole(
    stream: int, *, frames: int = 10, answer: int = 5, limit: int = 40, context: str | None = None
) -> list[ToWorker]:
    opened = opening(stream, frames=frames, answer=answer, limit=limit, context=context)
    return [opened, AppendAudio(stream, audio(frames)), asking(opened)]


def done(end: AnswerDone | StreamFailed) -> AnswerDone:
    assert isinstance(end, AnswerDone)
    return end


def failed(end: AnswerDone | StreamFailed) -> StreamFailed:
    assert isinstance(end, StreamFailed)
    return end


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


def test_out_of_memory_fails_the_streams_of_that_step_and_no_other() -> None:
    bench = Bench(ScriptedRunner(pages=64), EngineSettings(steps=StepSizes(max_rows=2)))

    def script() -> Script:
        yield [*whole(1, answer=1000), *whole(2, context=Trouble.OUT_OF_MEMORY), *whole(3)]
        yield from bench.until_rest()

    bench.run(script())
    assert [failed(bench.ends(n)[0]).code for n in (1, 2)] == [FailureCode.OUT_OF_MEMORY] * 2
    assert done(bench.ends(3)[0]).reason is EndReason.STOP
    assert len(bench.ends()) == 3
    assert bench.runner.free_pages == 64


def test_any_other_error_of_a_step_leaves_the_loop() -> None:
    bench = Bench()

    def script() -> Script:
        yield whole(1, context=Trouble.ERROR)
        yield from bench.until_rest()

    with pytest.raises(RuntimeError, match="the device is lost"):
        bench.run(script())


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


def test_idle_means_blocked_and_open_streams_mean_a_heartbeat() -> None:
    bench = Bench()

    def script() -> Script:
        assert bench.patience == [None]
        yield [opening(1)]
        yield from bench.until_rest()
        assert bench.patience[-1] == HEARTBEAT
        before = bench.sent.count(bench.stats)
        yield []  # the time passed without a message
        assert bench.sent.count(bench.stats) == before + 1
        yield [CloseStream(1)]
        yield from bench.until_rest()
        assert bench.patience[-1] is None

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
        sent_at.extend(m.steps for m in bench.sent if isinstance(m, WorkerStats))

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
    assert bench.stats.steps > 2
    assert bench.stats.busy_seconds == pytest.approx(0.25 * bench.stats.steps)


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


LIVE = Question(seed=5, max_tokens=20)


def live_stream(number: int, answer: int, frames: int = 60) -> list[ToWorker]:
    spec = StreamSpec(frames, replace(LIVE, seed=answer), priority=Priority.LIVE)
    return [OpenStream(number, f"live {number}", spec)]


def frames_of_audio(number: int, frames: int) -> ToWorker:
    return AppendAudio(number, audio(frames))


def test_a_stream_is_asked_again_and_again() -> None:
    bench = Bench()

    def script() -> Script:
        yield live_stream(1, answer=5)
        for update in range(1, 4):
            yield [frames_of_audio(1, 7)]
            yield from bench.until_rest()
            yield [frames_of_audio(1, 1), AskStream(1, LIVE)]
            yield from bench.until(lambda: len(bench.ends()) == update)  # noqa: B023 - run at once
        yield [CloseStream(1)]
        yield from bench.until_rest()

    bench.run(script())
    ends = [done(end) for end in bench.ends()]
    assert [(end.reason, end.audio_tokens, end.forced) for end in ends] == [
        (EndReason.STOP, heard, "") for heard in (8, 16, 24)
    ]
    assert bench.tokens(1) == [FIRST + i for i in range(5)] * 3
    assert all(0 < end.first_token_seconds < end.total_seconds < 30 for end in ends), "each by itself"
    assert bench.stats.pages_used == 0
    assert bench.runner.streams == {}


def test_each_question_of_a_stream_is_its_own() -> None:
    """Its length, its limit, its forced start: nothing is left of the question before."""
    bench = Bench()
    questions = [Question(seed=9, max_tokens=4), Question(seed=2, prefix="xy"), Question(seed=3, max_tokens=3)]

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8)]
        for count, question in enumerate(questions, start=1):
            yield [AskStream(1, question, last=count == 3)]
            yield from bench.until(lambda: len(bench.ends()) == count)  # noqa: B023 - run at once
        assert bench.runner.streams == {}, "the last question ends the stream"
        yield from bench.until_rest()

    bench.run(script())
    ends = [done(end) for end in bench.ends()]
    assert [(end.reason, end.answer_tokens, end.forced) for end in ends] == [
        (EndReason.LENGTH, 4, ""),
        (EndReason.STOP, 2, "xy"),
        (EndReason.STOP, 3, ""),
    ]


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("drafts", [0, 3])
def test_a_question_that_was_taken_back_leaves_the_audio(ahead: bool, drafts: int) -> None:
    bench = Bench(ScriptedRunner(launches_ahead=ahead, drafts=drafts))

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, replace(LIVE, seed=15))]
        yield from bench.until(lambda: len(bench.tokens(1)) > 2)
        told = len(bench.tokens(1))
        yield [CropStream(1), CropStream(1), frames_of_audio(1, 2), AskStream(1, LIVE)]
        yield from bench.until(lambda: len(bench.ends()) == 2)
        assert bench.tokens(1)[told:] == [FIRST + i for i in range(5)], "a token of the answer before"
        yield [CropStream(1)]
        yield from bench.until_rest()

    bench.run(script())
    ends = [(done(end).reason, done(end).audio_tokens) for end in bench.ends()]
    assert ends == [(EndReason.CROPPED, 8), (EndReason.STOP, 10)]


def test_a_question_that_waits_for_its_audio_can_be_taken_back() -> None:
    bench = Bench(settings=EngineSettings(steps=StepSizes(encode_frames=1)))

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 30), AskStream(1, LIVE)]
        yield [CropStream(1)]
        yield from bench.until_rest()
        yield [AskStream(1, LIVE, last=True)]
        yield from bench.until_rest()

    bench.run(script())
    assert [done(end).reason for end in bench.ends()] == [EndReason.CROPPED, EndReason.STOP]
    assert len(bench.tokens(1)) == 5


def test_a_question_while_another_stands_fails_the_stream_alone() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, LIVE), AskStream(1, LIVE)]
        yield whole(2)
        yield from bench.until_rest()

    bench.run(script())
    assert failed(bench.ends(1)[0]).code is FailureCode.INTERNAL
    assert done(bench.ends(2)[0]).reason is EndReason.STOP


@pytest.mark.parametrize(("whole_frames", "heard"), [(True, [2, 4]), (False, [1, 3])])
def test_a_started_frame_is_heard_where_that_is_asked(whole_frames: bool, heard: list[int]) -> None:
    """1.5 frames, twice: filled up they are two and two more, otherwise the second half joins the first."""
    bench = Bench()
    question = replace(LIVE, whole=whole_frames)

    def script() -> Script:
        yield live_stream(1, answer=2)
        for count in (1, 2):
            yield [AppendAudio(1, audio(1.5)), AskStream(1, question)]
            yield from bench.until(lambda: len(bench.ends()) == count)  # noqa: B023 - run at once

    bench.run(script())
    assert [done(end).audio_tokens for end in bench.ends()] == heard


def test_the_forced_start_and_the_answer_share_the_reservation() -> None:
    """Pages are reserved for prompt and answer; a stream that was told much already may say the less."""
    bench = Bench()
    endless = replace(LIVE, seed=50)

    def script() -> Script:
        opened = live_stream(1, answer=50, frames=8)
        yield [*opened, frames_of_audio(1, 8), AskStream(1, replace(endless, prefix="x" * 15))]
        yield from bench.until(lambda: len(bench.ends()) == 1)
        yield [AskStream(1, endless)]
        yield from bench.until(lambda: len(bench.ends()) == 2)
        yield [CloseStream(1)]

    bench.run(script())
    assert [done(end).reason for end in bench.ends()] == [EndReason.LENGTH] * 2
    assert [done(end).forced for end in bench.ends()] == ["x" * 15, ""]
    assert len(bench.tokens(1)) == 5 + 20


def test_a_forced_start_beyond_the_reservation_is_an_answer_cut_at_once() -> None:
    """Neither computed, for there are no pages for it, nor waited for without end."""
    bench = Bench(ScriptedRunner(pages=BEFORE + 8 + AFTER + 20, page_size=1))

    def script() -> Script:
        opened = live_stream(1, answer=5, frames=8)
        yield [*opened, frames_of_audio(1, 8), AskStream(1, replace(LIVE, prefix="x" * 21))]
        yield from bench.until(lambda: len(bench.ends()) == 1)
        yield [AskStream(1, replace(LIVE, prefix="x" * 20))]
        yield from bench.until(lambda: len(bench.ends()) == 2)
        yield [AskStream(1, LIVE, last=True)]
        yield from bench.until_rest()

    bench.run(script())
    ends = [(done(end).reason, done(end).answer_tokens) for end in bench.ends()]
    assert ends == [(EndReason.LENGTH, 0), (EndReason.LENGTH, 0), (EndReason.STOP, 5)]
    assert bench.runner.streams == {}


def test_live_streams_go_first_and_do_not_take_the_rows_of_files() -> None:
    steps = StepSizes(max_rows=1, prefill_positions=40, encode_frames=16)
    bench = Bench(ScriptedRunner(pages=500), EngineSettings(steps=steps))

    def script() -> Script:
        files = [opening(n, frames=200, answer=3, limit=20) for n in (1, 2)]
        yield [*files, *(frames_of_audio(n, 200) for n in (1, 2))]
        yield [*live_stream(3, answer=2), frames_of_audio(3, 8), AskStream(3, replace(LIVE, seed=2))]
        yield from bench.until(lambda: bool(bench.ends(3)))
        assert 2 not in {work.stream for plan in bench.runner.plans for work in plan.rows}, "two files in one row"
        yield [CloseStream(3), *map(asking, files)]
        yield from bench.until(lambda: len(bench.ends()) == 3)

    bench.run(script())
    heard = next(i for i, plan in enumerate(bench.runner.plans) if 3 in {work.stream for work in plan.encode})
    assert next((work.stream, work.frames) for work in bench.runner.plans[heard].encode) == (3, 8)
    assert sum(3 in {work.stream for work in plan.encode} for plan in bench.runner.plans) == 1
    assert all(done(end).reason is EndReason.STOP for end in bench.ends())
