"""What the worker tells of itself and when, and how it keeps its pace and its pulse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue

import pytest
from server.engine.worker.pulse import Pulse

from model.seam.runner import StepRunner
from model.seam.steps import PendingStep, RowWork, StepPlan, StepResult, StepSizes
from server.engine.messages import AskStream, CloseStream, StopWorker, ToWorker, WorkerStats
from server.engine.settings import EngineSettings
from server.engine.worker.loop import STATS_SECONDS, StepLoop
from server.engine.worker.pace import Pace
from tests.server.engine.scripted_loop import (
    LIVE,
    Bench,
    Script,
    asking,
    done,
    frames_of_audio,
    live_stream,
    opening,
    whole,
)
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner


def stats(bench: Bench) -> list[WorkerStats]:
    return [message for message in bench.sent if isinstance(message, WorkerStats)]


class SlowRunner(ScriptedRunner):
    """``wait``: called with each plan while it is launched, and once more while it is read."""

    wait: Callable[[StepPlan], None]

    def launch(self, plan: StepPlan) -> PendingStep:
        self.wait(plan)
        pending = super().launch(plan)

        def read() -> StepResult:
            self.wait(plan)
            return pending.read()

        return replace(pending, read=read)


def run(
    runner: StepRunner,
    messages: list[ToWorker],
    settings: EngineSettings,
    clock: Callable[[], float] = lambda: 0.0,
    pace: Pace | None = None,
    pulse: Pulse | None = None,
) -> None:
    """Until everything is answered."""
    inbox = iter([messages])
    StepLoop(
        runner,
        settings,
        receive=lambda timeout: next(inbox, [] if timeout == 0.0 else [StopWorker()]),
        send=lambda told: None,
        clock=clock,
        pace=pace,
        pulse=pulse,
    ).run()


# ------------------------------------------------------------------------------------------------------------ what


def test_everything_is_summed_up() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*whole(1, frames=3, answer=4), *whole(2, frames=5, answer=9)]
        yield from bench.until_rest()

    bench.run(script())
    last = bench.stats
    assert (last.encoded_frames, last.answer_tokens, last.pages_total) == (8, 13, bench.runner.pages)
    assert last.steps == len(bench.runner.plans)


def test_the_last_step_tells_how_many_rows_it_had_and_a_rest_has_none() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, LIVE)]
        yield whole(2)
        yield from bench.until_rest()
        assert bench.stats.running == 1, "it listens"
        assert bench.stats.batch_rows == 0

    bench.run(script())
    rows = {step: len(plan.rows) for step, plan in enumerate(bench.runner.plans, start=1)}
    told = {each.steps: each.batch_rows for each in stats(bench) if each.batch_rows}
    assert told.items() <= rows.items()
    assert set(told.values()) == {1, 2}


def test_launching_and_waiting_for_a_step_is_work() -> None:
    runner = SlowRunner()
    bench = Bench(runner)

    def wait(plan: StepPlan) -> None:
        bench.now += 0.25

    runner.wait = wait

    def script() -> Script:
        yield whole(1)
        yield from bench.until_rest()

    bench.run(script())
    assert bench.stats.steps > 2
    assert bench.stats.busy_seconds == pytest.approx(2 * 0.25 * bench.stats.steps)


# ------------------------------------------------------------------------------------------------------------ when


def test_who_begins_and_who_ends_is_told_at_once() -> None:
    """The clock stands still, so that no time passes until the next stats are due anyway."""
    opened = opening(1, frames=2, answer=30, limit=40)
    bench = Bench(ScriptedRunner(pages=-(-(BEFORE + 2 + AFTER + 40) // 8)))

    def still(script: Script) -> Script:
        for messages in script:
            bench.now -= 1.0
            yield messages

    def crowd() -> tuple[int, int]:
        return bench.stats.running, bench.stats.waiting

    def script() -> Script:
        yield [opened, frames_of_audio(1, 2)]
        assert crowd() == (1, 0)
        yield [asking(opened)]
        told = len(stats(bench))
        for _ in range(5):
            yield []
        assert len(stats(bench)) == told
        yield whole(2, frames=2, limit=40)
        assert crowd() == (1, 1)
        yield from bench.until(lambda: len(bench.ends(1)) == 1)
        assert crowd() == (0, 1)
        yield []
        assert crowd() == (1, 0)
        yield [CloseStream(2)]
        assert crowd() == (0, 0)

    bench.run(still(script()))


def test_a_rest_is_told_at_once() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, LIVE)]
        while not bench.resting:
            bench.now -= 1.0
            yield []
        assert bench.stats.steps == len(bench.runner.plans)

    bench.run(script())


@pytest.mark.parametrize(("heartbeat_timeout", "interval"), [(60.0, STATS_SECONDS), (0.5, 0.125)])
def test_stats_come_in_time_for_whoever_waits_for_a_sign_of_life(heartbeat_timeout: float, interval: float) -> None:
    """Four of them before the worker would be given up."""
    bench = Bench(settings=EngineSettings(heartbeat_timeout=heartbeat_timeout))

    def script() -> Script:
        yield whole(1, answer=300, limit=300)
        yield []
        for _ in range(10):
            told = len(stats(bench))
            bench.now -= 1.0 - interval / 2
            yield []
            assert len(stats(bench)) == told
            bench.now -= 1.0 - interval / 2
            yield []
            assert len(stats(bench)) == told + 1

    bench.run(script())


# ------------------------------------------------------------------------------------------------------------ rest


def test_pages_are_not_checked_while_a_stream_listens() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, LIVE)]
        yield from bench.until_rest()
        assert bench.runner.integrity_checks == 0
        yield [CloseStream(1)]
        yield from bench.until_rest()
        assert bench.runner.integrity_checks == 1

    bench.run(script())


def test_the_loop_does_not_rest_before_what_it_launched_is_read() -> None:
    """A row that guesses has no next input before: nothing can be launched beside it, and still there is no rest."""
    bench = Bench(ScriptedRunner(launches_ahead=True, drafts=3))

    def script() -> Script:
        yield whole(1, answer=12)
        began = len(bench.patience)
        yield from bench.until(lambda: len(bench.ends()) == 1)
        assert set(bench.patience[began:]) == {0.0}

    bench.run(script())
    assert done(bench.ends()[0]).answer_tokens == 12


# ---------------------------------------------------------------------------------------------------- pace and pulse


def test_steps_of_a_slow_device_take_as_long_as_they_should_from_the_first_one_on() -> None:
    settings = EngineSettings(StepSizes(max_rows=4, prefill_positions=2048, encode_frames=2048), step_seconds=5.0)
    runner, pace, now = SlowRunner(pages=8000), Pace(settings), 0.0

    def seconds(plan: StepPlan) -> float:
        """A full step would take forty."""
        return 0.02 * max(sum(row.positions for row in plan.rows), sum(work.frames for work in plan.encode))

    def wait(plan: StepPlan) -> None:
        nonlocal now
        now += seconds(plan) / 2

    runner.wait = wait
    tried = StepPlan(rows=(RowWork(1, 40),))
    pace.begin(tried, seconds(tried))
    run(runner, whole(1, frames=6000, answer=2), settings, clock=lambda: now, pace=pace)
    taken = [seconds(plan) for plan in runner.plans]
    assert max(taken) < 6
    assert min(taken[:20]) > 4


def test_a_long_step_beats_while_it_is_launched_and_while_it_is_read() -> None:
    """Each goes on until a sign of life came out of it."""
    beats: SimpleQueue[int] = SimpleQueue()
    heard: list[int] = []
    runner = SlowRunner()
    runner.wait = lambda plan: heard.append(beats.get(timeout=60))
    run(runner, whole(1, answer=2), EngineSettings(), pulse=Pulse(beats.put, interval=0.005, patience=60.0))
    assert len(heard) == 2 * len(runner.plans)
