"""The engine as contender: scheduler, step loop and runner in this process, without pipes and HTTP."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.family.vibevoice_asr.geometry import GEOMETRY
from model.runner.runner import Runner
from model.seam.audio import Samples, clip_level
from model.seam.runner import StepRunner
from model.seam.steps import DEFAULT_STEPS
from model.seam.streams import Question, StreamSpec
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    OpenStream,
    StopWorker,
    StreamFailed,
    ToClient,
    ToWorker,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop


@dataclass(frozen=True, slots=True)
class Job:
    """A clip as the worker gets it. ``audio``: float32 samples."""

    spec: StreamSpec
    audio: bytes

    @classmethod
    def of(cls, clip: Samples, tokens: int) -> Job:
        """``tokens``: the answer is cut here."""
        spec = StreamSpec(GEOMETRY.frames(clip.size), Question(max_tokens=tokens), clip_level(clip))
        return cls(spec, clip.tobytes())


class _ClosedLoop:
    """Clients of the step loop: always ``concurrency`` clips in work, the next begins when one ends."""

    def __init__(self, jobs: Sequence[Job], concurrency: int) -> None:
        self._jobs = jobs
        self._next = 0
        self._free = concurrency
        self._left = len(jobs)
        self.answers: list[list[int]] = [[] for _ in jobs]

    def receive(self, _patience: float | None) -> Sequence[ToWorker]:
        messages: list[ToWorker] = []
        while self._free and self._next < len(self._jobs):
            job, number = self._jobs[self._next], self._next
            messages += [
                OpenStream(number, f"clip-{number}", job.spec),
                AppendAudio(number, job.audio),
                AskStream(number, job.spec.question, last=True),
            ]
            self._next += 1
            self._free -= 1
        return messages if self._left else [StopWorker()]

    def send(self, messages: Sequence[ToClient]) -> None:
        for message in messages:
            match message:
                case AnswerTokens(number, tokens, _):
                    self.answers[number] += tokens
                case AnswerDone():
                    self._free += 1
                    self._left -= 1
                case StreamFailed(number, code, explanation):
                    raise RuntimeError(f"clip {number}: {code} {explanation}")
                case _:
                    pass


def transcribe(runner: Runner, clips: list[Samples], *, concurrency: int, tokens: int) -> list[list[int]]:
    """Answer tokens (stop token excluded) to every clip with ``concurrency`` clips in work at any time."""
    settings = EngineSettings(steps=replace(DEFAULT_STEPS, max_rows=max(32, concurrency)))
    return work_off(runner, [Job.of(clip, tokens) for clip in clips], concurrency=concurrency, settings=settings)


def work_off(runner: StepRunner, jobs: Sequence[Job], *, concurrency: int, settings: EngineSettings) -> list[list[int]]:
    """Answer tokens to every job with ``concurrency`` of them in work at any time. Raises RuntimeError if one fails."""
    clients = _ClosedLoop(jobs, concurrency)
    StepLoop(runner, settings, receive=clients.receive, send=clients.send, clock=time.monotonic).run()
    return clients.answers
