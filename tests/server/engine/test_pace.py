"""Steps on a slow device: as large as they may be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from model.seam.steps import EncodeWork, RowWork, StepPlan, StepSizes
from model.seam.streams import StreamCounts, StreamSpec
from server.engine.settings import EngineSettings
from server.engine.worker.pace import Pace
from server.engine.worker.scheduler import Scheduler
from server.engine.worker.stream import StreamState
from tests.support.scripted_runner import ScriptedRunner

SETTINGS = EngineSettings(StepSizes(max_rows=4), step_seconds=5.0)
FULL_STEP = 120.0
"""Seconds of a step of 2048 positions on a CPU that is meant here."""


def prefill(positions: int) -> StepPlan:
    return StepPlan(rows=(RowWork(1, positions),))


def slow(plan: StepPlan) -> float:
    """Reading the weights once, and computing."""
    return 0.8 + FULL_STEP * sum(row.positions for row in plan.rows) / 2048


def run(pace: Pace, seconds: Callable[[StepPlan], float], steps: int = 20) -> list[float]:
    """Seconds of steps that are as large as they may be."""
    taken = []
    for _ in range(steps):
        plan = prefill(int(pace.share * 2048))
        taken.append(seconds(plan))
        pace.after(plan, taken[-1])
    return taken


def test_no_step_is_minutes_after_a_first_small_one() -> None:
    pace = Pace(SETTINGS)
    pace.begin(prefill(40), slow(prefill(40)))
    taken = run(pace, slow)
    assert max(taken) < 6
    assert taken[-1] > 4


def test_a_fast_device_does_full_steps_at_once() -> None:
    pace = Pace(SETTINGS)
    pace.begin(prefill(40), 0.03)
    assert pace.share == 1.0
    assert pace.after(prefill(2048), 0.5) == 1.0


def test_a_device_that_becomes_slower_and_faster_again_is_followed() -> None:
    pace = Pace(SETTINGS)
    assert max(run(pace, lambda plan: 20 * slow(plan))[3:]) < 54  # with the least share
    assert 3 < run(pace, slow)[-1] < 6


def test_decoding_alone_tells_nothing_of_prompts() -> None:
    pace = Pace(SETTINGS)
    decoding = StepPlan(rows=tuple(RowWork(number, 1) for number in range(4)))
    for _ in range(10):
        pace.after(decoding, 0.8)
        pace.after(decoding, 9.0)
    assert pace.share == 1.0


def test_encoding_counts_as_well() -> None:
    pace = Pace(SETTINGS)
    assert pace.after(StepPlan(encode=(EncodeWork(1, 75), EncodeWork(2, 30))), 50.0) == pytest.approx(0.1)


def test_plans_keep_to_the_share() -> None:
    scheduler = Scheduler(SETTINGS, ScriptedRunner(pages=4096).info)
    counts = StreamCounts(waiting=600, queued=4000)
    stream = StreamState(1, "a", StreamSpec(frames=1000), 5000, began=0.0, counts=counts)
    scheduler.add(stream)
    scheduler.admit()
    for share, positions, frames in ((1.0, 2048, 150), (0.1, 204, 15), (1e-6, 4, 1)):
        scheduler.share = share
        plan = scheduler.plan()
        assert [row.positions for row in plan.rows] == [positions]
        assert [work.frames for work in plan.encode] == [frames]
