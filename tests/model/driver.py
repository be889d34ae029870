"""Drives a runner as an engine does, but with random joins, chunks and budgets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import Emitted, EncodeWork, PendingStep, RowWork, StepPlan, StepResult
from model.seam.streams import StreamSpec


@dataclass
class Job:
    """One stream to be run to its end, and what came out of it."""

    spec: StreamSpec
    clip: Samples
    tokens: int
    fed: int = 0
    waiting: int = 0
    queued: int = 0
    finished: bool = False
    asked: bool = False
    answer: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

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
                job.queued = self._runner.open(number, job.spec)
            for number, job in running.items():
                self._feed(number, job)
            launched = self._launch(self._plan(running), running)
            for emitted in (unread if self._ahead else launched).read().emitted:
                job = running[emitted.stream]
                job.take(emitted)
                job.queued += emitted.stream in (unread if self._ahead else launched).held
            unread = launched
            self._runner.check_integrity()
            for number in [n for n, job in running.items() if job.ended(self._stops)]:
                self._runner.release(number)
                del running[number]

    def _launch(self, plan: StepPlan, running: dict[int, Job]) -> PendingStep:
        pending = self._runner.launch(plan)
        assert not pending.failed
        for work in plan.rows:
            job = running[work.stream]
            if job.asked and not job.queued:
                job.queued = int(work.stream not in pending.held)
        return pending

    def _feed(self, number: int, job: Job) -> None:
        if job.fed < job.clip.size:
            block = job.clip[job.fed : job.fed + int(self._rng.integers(1, 50_000))]
            job.waiting = self._runner.append_audio(number, block)
            job.fed += block.size
        elif not job.finished:
            job.waiting = self._runner.finish_audio(number)
            job.finished = True
        elif not job.asked and not job.waiting:
            job.queued = self._runner.ask(number).queued
            job.asked = True

    def _plan(self, running: dict[int, Job]) -> StepPlan:
        encode, rows = [], []
        for number, job in running.items():
            if job.queued and self._rng.random() < 0.8:
                positions = int(self._rng.integers(1, job.queued + 1))
                rows.append(RowWork(number, positions))
                job.queued -= positions
            if job.waiting and self._rng.random() < 0.7:
                frames = int(self._rng.integers(1, job.waiting + 1))
                encode.append(EncodeWork(number, frames))
                job.waiting -= frames
                job.queued += frames
        return StepPlan(tuple(encode), tuple(rows))
