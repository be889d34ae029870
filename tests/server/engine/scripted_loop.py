"""The step loop with a scripted runner, messages by script, and a clock that only the script moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from model.family.vibevoice_asr.geometry import HOP
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.blackbox import BlackBox
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    OpenStream,
    StopWorker,
    StreamFailed,
    StreamsLost,
    ToClient,
    ToWorker,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop
from tests.support.scripted_runner import ScriptedRunner

Script = Iterator[list[ToWorker]]


class Bench:
    """Runs a loop on a script: a generator whose every item is what the loop receives next; at its end it stops."""

    def __init__(self, runner: ScriptedRunner | None = None, settings: EngineSettings | None = None) -> None:
        self.runner = runner or ScriptedRunner()
        self.sent: list[ToClient] = []
        self.patience: list[float | None] = []
        self.now = 100.0
        self.box = BlackBox()
        self._settings = settings or EngineSettings()

    def run(self, script: Script) -> None:
        def receive(timeout: float | None) -> Sequence[ToWorker]:
            self.patience.append(timeout)
            self.now += 1.0
            return next(script, [StopWorker()])

        StepLoop(
            self.runner,
            self._settings,
            receive=receive,
            send=self.sent.extend,
            clock=lambda: self.now,
            box=self.box,
        ).run()

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
    def lost(self) -> list[tuple[int, ...]]:
        """The streams of each step that went wrong."""
        return [message.streams for message in self.sent if isinstance(message, StreamsLost)]

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


LIVE = Question(seed=5, max_tokens=20)


def live_stream(number: int, answer: int, frames: int = 60) -> list[ToWorker]:
    spec = StreamSpec(frames, replace(LIVE, seed=answer), priority=Priority.LIVE)
    return [OpenStream(number, f"live {number}", spec)]


def frames_of_audio(number: int, frames: int) -> ToWorker:
    return AppendAudio(number, audio(frames))
