"""The real model with streams on it that bring it down, as a bad kernel launch or a bug in a library would."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

from model.seam.audio import Level, Samples
from model.seam.runner import RunnerInfo, StepRunner
from model.seam.steps import PendingStep, StepPlan
from model.seam.streams import Question, StreamCounts
from server.engine.worker.load import ModelWishes, RunnerFactory, load_model

KILLS = "kills the worker"
"""A context with these words ends the process in the first step after its question."""
RAISES = "raises in the step"
"""A context with these words raises an error there, each time."""


class PoisonousRunner:
    """A runner that does what the contexts of its streams say, and otherwise what the real one does."""

    def __init__(self, runner: StepRunner) -> None:
        self._runner = runner
        self._contexts: dict[int, str] = {}

    @property
    def info(self) -> RunnerInfo:
        return self._runner.info

    @property
    def free_pages(self) -> int:
        return self._runner.free_pages

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        return self._runner.prompt_positions(frames, question, system=system)

    def open(self, stream: int, level: Level, *, system: str = "") -> None:
        self._runner.open(stream, level, system=system)

    def fork(self, stream: int, of: int) -> None:
        self._runner.fork(stream, of)

    def adapt(self, stream: int, adapter: str) -> None:
        self._runner.adapt(stream, adapter)

    def append(self, stream: int, samples: Samples) -> None:
        self._runner.append(stream, samples)

    def pad(self, stream: int) -> None:
        self._runner.pad(stream)

    def ask(self, stream: int, question: Question) -> str:
        self._contexts[stream] = question.context or ""
        return self._runner.ask(stream, question)

    def crop(self, stream: int) -> None:
        self._contexts.pop(stream, None)
        self._runner.crop(stream)

    def counts(self, stream: int) -> StreamCounts:
        return self._runner.counts(stream)

    def launch(self, plan: StepPlan) -> PendingStep:
        for row in plan.rows:
            context = self._contexts.get(row.stream, "")
            if KILLS in context:
                os.kill(os.getpid(), signal.SIGSEGV)
            if RAISES in context:
                raise ArithmeticError("an error in the step")
        return self._runner.launch(plan)

    def settle(self) -> None:
        self._runner.settle()

    def release(self, stream: int) -> None:
        self._contexts.pop(stream, None)
        self._runner.release(stream)

    def check_integrity(self) -> None:
        self._runner.check_integrity()


def load_poisonous_model(**options: Any) -> PoisonousRunner:
    """The bundled checkpoint. ``options``: of `load_model`."""
    return PoisonousRunner(load_model(ModelWishes("tiny", **options)))


def poisonous_factory(device: str) -> RunnerFactory:
    """What a worker is given to load it."""
    return partial(load_poisonous_model, device=device)
