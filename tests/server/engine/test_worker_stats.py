"""What the worker tells of itself and when, and how it keeps its pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from model.seam.runner import StepRunner
from model.seam.steps import PendingStep, RowWork, StepPlan, StepResult, StepSizes
from server.engine.blackbox import BlackBox
from server.engine.figures import ROWS, Tally, WorkDone
from server.engine.messages import AskStream, CloseStream, StopWorker, ToWorker, WorkerStats
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop
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
    box: BlackBox | None = None,
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
        box=box,
    ).run()


# ------------------------------------------------------------------------------------------------------------ what


def test_everything_is_summed_up() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*whole(1, frames=3, answer=4), *whole(2, frames=5, answer=9)]
        yield from bench.until_rest()

    bench.run(script())
    last, plans = bench.stats.done, bench.runner.plans
    assert (last.encoded_frames, last.answer_tokens, bench.stats.pages_total) == (8, 13, bench.runner.pages)
    assert last.steps == len(plans)
    assert last.positions == sum(row.positions for plan in plans for row in plan.rows)


def test_every_step_is_counted_by_its_rows_and_not_only_the_last_one_told() -> None:
    """The clock stands still, so that most steps are in no stats of their own."""
    bench = Bench()

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, LIVE)]
        yield whole(2, answer=30, limit=40)
        while not bench.resting:
            bench.now -= 1.0
            yield []

    bench.run(script())
    rows = [len(plan.rows) for plan in bench.runner.plans]
    counted = bench.stats.done.rows
    assert len(stats(bench)) < len(rows)
    assert counted.counts == (rows.count(1), rows.count(2), *[0] * (len(counted.bounds) - 1))
    assert counted.total == sum(rows)


@pytest.mark.parametrize(("drafts", "guesses"), [(0, 0), (3, 9)])
def test_guesses_and_what_came_true_of_them_are_counted(drafts: int, guesses: int) -> None:
    """Twelve tokens and the one that ends them: 3 guessed and 1, 1 alone, 3 and 1, 3 and 1. The script guesses well."""
    bench = Bench(ScriptedRunner(drafts=drafts))

    def script() -> Script:
        yield whole(1, answer=12)
        yield from bench.until_rest()

    bench.run(script())
    counted = bench.stats.done
    assert counted.answer_tokens == 12
    assert (counted.guessed_tokens, counted.accepted_tokens) == (guesses, guesses)


@pytest.mark.parametrize("ahead", [False, True])
def test_the_time_of_steps_adds_up_to_the_time_in_which_there_was_one(ahead: bool) -> None:
    """Where the next is launched before one is read, the time that they share counts once."""
    runner = SlowRunner(launches_ahead=ahead)
    bench = Bench(runner)
    began: list[float] = []

    def wait(plan: StepPlan) -> None:
        began.append(bench.now)
        bench.now += 0.25

    runner.wait = wait

    def script() -> Script:
        yield whole(1)
        for _ in range(1000):
            if bench.resting:
                return
            bench.now -= 1.0  # nothing but the steps takes time
            yield []

    bench.run(script())
    counted = bench.stats.done
    assert sum(counted.step_seconds.counts) == counted.steps
    assert counted.step_seconds.total == pytest.approx(0.25 * len(began))


def test_what_two_workers_did_adds_up() -> None:
    first, second = Tally(ROWS), Tally(ROWS)
    for rows in (1, 2, 3):
        first.add(rows)
    second.add(1000)
    one = WorkDone(steps=3, busy_seconds=0.5, rows=first.distribution)
    both = one + WorkDone(steps=1, busy_seconds=0.25, rows=second.distribution)
    assert (both.steps, both.busy_seconds) == (4, 0.75)
    assert both.rows.counts == (1, 1, 1, *[0] * (len(ROWS) - 3), 1)
    assert both.rows.total == 1006
    assert WorkDone() + one == one + WorkDone() == one


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
    assert bench.stats.done.steps > 2
    assert bench.stats.done.busy_seconds == pytest.approx(2 * 0.25 * bench.stats.done.steps)


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
        assert bench.stats.done.steps == len(bench.runner.plans)

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


# ---------------------------------------------------------------------------------------------------- pace and turns


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


def test_others_see_for_how_long_a_step_runs_and_what_the_longest_took() -> None:
    box, seen, now = BlackBox(), [], 0.0
    runner = SlowRunner()

    def wait(plan: StepPlan) -> None:
        nonlocal now
        now += 0.25
        seen.append(box.turn)

    runner.wait = wait
    run(runner, whole(1, answer=2), EngineSettings(), clock=lambda: now, box=box)
    launched, read = seen[::2], seen[1::2]
    assert launched == read, "one turn"
    assert None not in launched
    assert len(set(launched)) == len(runner.plans)
    assert box.longest_turn == pytest.approx(0.5, rel=0.1)
    assert box.turn is not None, "it was told to stop in its last turn"
