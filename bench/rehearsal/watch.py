"""The steps of a runner, one by one: what each launched, waited for, took and knew of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.rehearsal.counts import Counts
from bench.rehearsal.fake_cuda import FakeCuda
from model.runner import Runner
from model.steps import StepPlan, StepResult


@dataclass(frozen=True, slots=True)
class WatchedStep:
    """``late``: streams whose launches of this very step those that decode have waited for."""

    plan: StepPlan
    counts: Counts
    late: frozenset[int]

    @property
    def recorded(self) -> bool:
        """All rows were a replay."""
        return self.counts.replays > 0

    @property
    def waits(self) -> int:
        return self.counts.waits.total()


@dataclass(slots=True)
class Watched:
    """Steps in order."""

    steps: list[WatchedStep] = field(default_factory=list)

    @property
    def most_waits(self) -> int:
        return max((step.waits for step in self.steps), default=0)

    @property
    def waits(self) -> Counter[str]:
        return sum((step.counts.waits for step in self.steps), Counter())

    @property
    def compiled(self) -> Counter[str]:
        return sum((step.counts.compiled for step in self.steps), Counter())


@contextmanager
def watched(cuda: FakeCuda, runner: Runner) -> Iterator[Watched]:
    """Every step of ``runner`` inside."""
    seen = Watched()
    step = runner.step

    def watch(plan: StepPlan) -> StepResult:
        before = {clock.number: clock.launched for clock in cuda.timeline.streams}
        with cuda.step() as counts:
            result = step(plan)
        late = frozenset(
            clock.number
            for clock in cuda.timeline.streams
            for other in cuda.timeline.streams
            if other is not clock and other.knows.get(clock.number, 0) > before.get(clock.number, 0)
        )
        seen.steps.append(WatchedStep(plan, counts, late))
        return result

    runner.step = watch  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del runner.step  # type: ignore[method-assign]
