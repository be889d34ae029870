"""Clients of the step loop that play a script: what to send, and what to wait for before they go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch

from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE
from model.seam.runner import StepRunner
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    FailureCode,
    OpenStream,
    StopWorker,
    StreamFailed,
    StreamPreempted,
    ToClient,
    ToWorker,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop

_BLOCK_SECONDS = 10
_MOST_TURNS = 100_000


@dataclass(slots=True)
class Answers:
    """What came back. ``tokens``: by stream, of all its answers; ``answered``: its answers.

    ``preempted``: streams whose client would have to open them again.
    """

    tokens: Counter[int] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)
    failed: dict[int, FailureCode] = field(default_factory=dict)
    preempted: list[int] = field(default_factory=list)

    def take(self, messages: Sequence[ToClient]) -> None:
        for message in messages:
            match message:
                case AnswerTokens(number, tokens, _):
                    self.tokens[number] += len(tokens)
                case AnswerDone(number):
                    self.answered[number] += 1
                case StreamFailed(number, code, _):
                    self.failed[number] = code
                case StreamPreempted(number):
                    self.preempted.append(number)
                case _:
                    pass

    def ended(self, number: int) -> bool:
        """A stream with one question has its answer, or any has failed."""
        return self.answered[number] > 0 or number in self.failed


Moment = list[ToWorker] | Callable[[], bool]
"""Messages to send, or what has to come true before the script goes on."""

Script = Callable[[Answers], Iterator[Moment]]


def play(runner: StepRunner, script: Script, settings: EngineSettings | None = None) -> Answers:
    """Run the step loop under a script until it is over. Raises RuntimeError when it waits for what never comes."""
    answers = Answers()
    moments = script(answers)
    waiting: list[Callable[[], bool]] = []
    turns = count()

    def receive(_patience: float | None) -> Sequence[ToWorker]:
        if next(turns) > _MOST_TURNS:
            raise RuntimeError("the script waits for what never comes")
        while not waiting or waiting[0]():
            waiting.clear()
            moment = next(moments, None)
            if moment is None:
                return [StopWorker()]
            if not callable(moment):
                return moment
            waiting.append(moment)
        return []

    StepLoop(
        runner,
        settings or EngineSettings(),
        receive=receive,
        send=answers.take,
        clock=lambda: 0.0,
        out_of_memory=(MemoryError, torch.OutOfMemoryError),
    ).run()
    return answers


def file(number: int, seconds: float, question: Question) -> list[ToWorker]:
    """A whole file, as the API process sends it."""
    samples = round(seconds * SAMPLE_RATE)
    block = noise(min(seconds, _BLOCK_SECONDS))
    parts: list[ToWorker] = [
        AppendAudio(number, block[: 4 * (samples - first)]) for first in range(0, samples, _BLOCK_SECONDS * SAMPLE_RATE)
    ]
    spec = StreamSpec(GEOMETRY.frames(samples), question)
    return [OpenStream(number, f"file-{number}", spec), *parts, AskStream(number, question, last=True)]


def live(number: int, seconds: float, question: Question) -> list[ToWorker]:
    """The beginning of a live stream of up to that length."""
    frames = GEOMETRY.frames(round(seconds * SAMPLE_RATE))
    return [OpenStream(number, f"live-{number}", StreamSpec(frames, question, priority=Priority.LIVE))]


def update(number: int, seconds: float, question: Question) -> list[ToWorker]:
    """More audio of a live stream, and a question about all of it."""
    return [AppendAudio(number, noise(seconds)), AskStream(number, question)]


def noise(seconds: float) -> bytes:
    """Audio as it crosses to the worker."""
    rng = np.random.default_rng(0)
    return (rng.standard_normal(round(seconds * SAMPLE_RATE), dtype=np.float32) * np.float32(0.05)).tobytes()
