"""The engine as contender: scheduler, step loop and runner in this process, without pipes and HTTP."""

from __future__ import annotations

import time
from collections.abc import Sequence

from model.audio import clip_level, frame_count
from model.runner import Runner
from model.steps import Samples, StreamSpec
from server.engine.loop import StepLoop
from server.engine.messages import (
    AnswerTokens,
    AppendAudio,
    FinishAudio,
    OpenStream,
    StopWorker,
    StreamDone,
    StreamFailed,
    ToClient,
    ToWorker,
)
from server.engine.settings import EngineSettings


class _ClosedLoop:
    """Clients of the step loop: always ``concurrency`` clips in work, the next begins when one ends."""

    def __init__(self, clips: list[Samples], *, concurrency: int, tokens: int) -> None:
        self._clips = clips
        self._tokens = tokens
        self._next = 0
        self._free = concurrency
        self._left = len(clips)
        self.answers: list[list[int]] = [[] for _ in clips]

    def receive(self, _patience: float | None) -> Sequence[ToWorker]:
        messages: list[ToWorker] = []
        while self._free and self._next < len(self._clips):
            clip, number = self._clips[self._next], self._next
            spec = StreamSpec(level=clip_level(clip), max_answer_tokens=self._tokens)
            messages += [
                OpenStream(number, f"clip-{number}", spec, frame_count(clip.size)),
                AppendAudio(number, clip.tobytes()),
                FinishAudio(number),
            ]
            self._next += 1
            self._free -= 1
        return messages if self._left else [StopWorker()]

    def send(self, messages: Sequence[ToClient]) -> None:
        for message in messages:
            match message:
                case AnswerTokens(number, tokens, _):
                    self.answers[number] += tokens
                case StreamDone():
                    self._free += 1
                    self._left -= 1
                case StreamFailed(number, code, explanation):
                    raise RuntimeError(f"clip {number}: {code} {explanation}")
                case _:
                    pass


def transcribe(runner: Runner, clips: list[Samples], *, concurrency: int, tokens: int) -> list[list[int]]:
    """Answer tokens (stop token excluded) to every clip with ``concurrency`` clips in work at any time."""
    clients = _ClosedLoop(clips, concurrency=concurrency, tokens=tokens)
    settings = EngineSettings(max_rows=max(32, concurrency))
    StepLoop(runner, settings, receive=clients.receive, send=clients.send, clock=time.monotonic).run()
    return clients.answers
