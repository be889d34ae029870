"""Drives a runner by hand, and as an engine does: with random joins, chunks and budgets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model.runner.runner import Runner
from model.seam.audio import Level, Samples, clip_level
from model.seam.steps import Emitted, EncodeWork, PendingStep, RowWork, StepPlan, StepResult
from model.seam.streams import Question


def opened(runner: Runner, stream: int, clip: Samples) -> None:
    """Begin a stream at the level of ``clip``, of which it has heard nothing yet."""
    runner.open(stream, clip_level(clip))


def hear(runner: Runner, stream: int, clip: Samples, *, whole: bool = False) -> None:
    """Append audio and encode every whole frame of it, with ``whole`` the started last one too."""
    runner.append(stream, clip)
    if whole:
        runner.pad(stream)
    if frames := runner.counts(stream).waiting:
        runner.step(StepPlan(encode=(EncodeWork(stream, frames),)))


def asked(runner: Runner, stream: int, question: Question = Question()) -> int:  # noqa: B008 - frozen
    """Ask a stream. Returns the inputs that are queued then."""
    runner.ask(stream, question)
    return runner.counts(stream).queued


@dataclass
class Job:
    """One stream to be run to its end, and what came out of it."""

    clip: Samples
    tokens: int
    question: Question = field(default_factory=Question)
    adapter: str | None = None
    fed: int = 0
    asked: bool = False
    answer: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def level(self) -> Level:
        return clip_level(self.clip)

    def take(self, emitted: Emitted) -> None:
        """Verified guesses may reach beyond the wanted number of tokens, as they may beyond an engine's limit."""
        self.answer = [*self.answer, *emitted.tokens][: self.tokens]
        self.logprobs = [*self.logprobs, *emitted.logprobs][: self.tokens]

    def ended(self, stops: frozenset[int]) -> bool:
        return len(self.answer) >= self.tokens or bool(self.answer and self.answer[-1] in stops)


class Driver:
    """Random but legal engine: every step it feeds, encodes and prefills random amounts of random streams."""

    def __init__(self, runner: Runner, seed: int, *, ahead: bool = False) -> None:
        """``ahead``: launch every step before the one before it is read."""
        self._runner = runner
        self._ahead = ahead
        self._rng = np.random.default_rng(seed)
        self._stops = runner.info.stop_ids

    def run(self, jobs: list[Job], *, join_chance: float = 0.3) -> None:
        """Run all jobs to their ends; they join at random steps and leave when done."""
        waiting, running = dict(enumerate(jobs)), dict[int, Job]()
        unread = PendingStep(StepResult)
        while waiting or running:
            if waiting and (not running or self._rng.random() < join_chance):
                number = next(iter(waiting))
                running[number] = job = waiting.pop(number)
                self._runner.open(number, job.level)
                if job.adapter is not None:
                    self._runner.adapt(number, job.adapter)
            for number, job in running.items():
                self._feed(number, job)
            launched = self._runner.launch(self._plan(running))
            assert not launched.failed
            for emitted in (unread if self._ahead else launched).read().emitted:
                running[emitted.stream].take(emitted)
            unread = launched
            self._runner.check_integrity()
            for number in [n for n, job in running.items() if job.ended(self._stops)]:
                self._runner.release(number)
                del running[number]

    def _feed(self, number: int, job: Job) -> None:
        if job.fed < job.clip.size:
            block = job.clip[job.fed : job.fed + int(self._rng.integers(1, 50_000))]
            self._runner.append(number, block)
            job.fed += block.size
        elif not job.asked:
            self._runner.pad(number)
            if not self._runner.counts(number).waiting:
                self._runner.ask(number, job.question)
                job.asked = True

    def _plan(self, running: dict[int, Job]) -> StepPlan:
        encode, rows = [], []
        for number in running:
            counts = self._runner.counts(number)
            if counts.queued and self._rng.random() < 0.8:
                rows.append(RowWork(number, int(self._rng.integers(1, counts.queued + 1))))
            if counts.waiting and self._rng.random() < 0.7:
                encode.append(EncodeWork(number, int(self._rng.integers(1, counts.waiting + 1))))
        return StepPlan(tuple(encode), tuple(rows))
