"""The steps of a runner, one by one: what each launched, waited for and knew of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bench.rehearsal.counts import Counts
from bench.rehearsal.fake_cuda import FakeCuda
from model.runner.runner import Runner
from model.seam.steps import PendingStep, StepPlan, StepResult


@dataclass(slots=True)
class WatchedStep:
    """``launched``, ``read``: what the two halves of the step did.

    ``followed``: the next one was launched before this one was read.
    ``late``: streams on which this very step launched something that another stream now waits for.
    """

    plan: StepPlan
    launched: Counts
    late: frozenset[int] = frozenset()
    read: Counts = field(default_factory=Counts)
    followed: bool = False

    @property
    def recorded(self) -> bool:
        """There was a replay."""
        return self.launched.replays > 0

    @property
    def waits(self) -> Counter[str]:
        """Of the host, in both halves."""
        return self.launched.waits + self.read.waits


@dataclass(slots=True)
class Watched:
    """Steps in order."""

    steps: list[WatchedStep] = field(default_factory=list)

    @property
    def most_waits(self) -> int:
        """Of any one step."""
        return max((step.waits.total() for step in self.steps), default=0)

    @property
    def waits(self) -> Counter[str]:
        """Of all steps."""
        return sum((step.waits for step in self.steps), Counter())

    @property
    def compiled(self) -> Counter[str]:
        """Triton kernels that were compiled while they were wanted."""
        return sum((step.launched.compiled for step in self.steps), Counter())


@contextmanager
def watched(cuda: FakeCuda, runner: Runner) -> Iterator[Watched]:
    """Every step of ``runner`` inside."""
    seen = Watched()
    launch = runner.launch

    def watch(plan: StepPlan) -> PendingStep:
        before = cuda.timeline.everything()
        with cuda.step() as counts:
            pending = launch(plan)
        step = WatchedStep(plan, counts, cuda.timeline.waited_for_since(before))
        seen.steps.append(step)

        def read() -> StepResult:
            step.followed = seen.steps[-1] is not step
            with cuda.step() as step.read:
                return pending.read()

        return replace(pending, read=read)

    runner.launch = watch  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del runner.launch
