"""A runner under a random but legal engine: streams come, listen, answer, are forked, asked anew, cancelled any time.

After every step the page pool must add up; at the end nothing may be left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from model.family.vibevoice_asr.geometry import HOP
from model.runner.runner import Runner
from model.seam.steps import EncodeWork, RowWork, StepPlan
from model.seam.streams import CannotFork, Question

_STREAMS = 24
_MOST_FRAMES = 300
_MOST_TOKENS = 64
_ROOM = 1024
"""Positions that a stream can come to need, prompt and guesses included."""


@dataclass(slots=True)
class _Stream:
    """What the engine knows of it. ``left``: frames that may still come."""

    left: int
    question: Question
    asked: bool = False
    answered: int = 0


class RandomSteps:
    """See the module. ``steps``: done so far; ``tokens``: answered so far; ``forks``: made so far."""

    def __init__(self, runner: Runner, seed: int) -> None:
        self._runner = runner
        self._rng = np.random.default_rng(seed)
        self._streams: dict[int, _Stream] = {}
        self._opened = 0
        info = runner.info
        self._room = min(_STREAMS, info.pages // -(-_ROOM // info.page_size))
        self.steps = self.tokens = self.forks = 0

    def run(self, steps: int, *, time_left: Callable[[], bool]) -> None:
        """Up to ``steps`` steps, then the end of all streams.

        Raises AssertionError for pages that leaked or are owned twice, and for a token without a finite probability.
        """
        while self.steps < steps and time_left():
            if len(self._streams) < self._room and self._chance(0.2):
                self._open()
            for number, stream in list(self._streams.items()):
                self._act(number, stream)
            self._step()
            self._runner.check_integrity()
        for number in list(self._streams):
            self._close(number)
        self._runner.check_integrity()
        if self._runner.free_pages != self._runner.info.pages:
            raise AssertionError(f"{self._runner.info.pages - self._runner.free_pages} pages are not free at the end")

    def _open(self) -> None:
        self._opened += 1
        question = Question(max_tokens=_MOST_TOKENS, temperature=float(self._chance(0.1)), seed=self._opened)
        if self._streams and self._chance(0.3) and self._fork(int(self._rng.choice(list(self._streams)))):
            self._streams[self._opened] = _Stream(0, question)
            return
        self._streams[self._opened] = _Stream(int(self._rng.integers(1, _MOST_FRAMES)), question)
        self._runner.open(self._opened)

    def _fork(self, other: int) -> bool:
        try:
            self._runner.fork(self._opened, other)
        except CannotFork:
            return False
        self.forks += 1
        return True

    def _act(self, number: int, stream: _Stream) -> None:
        """At most one thing that a client or a limit could bring about."""
        if self._chance(0.01) or stream.answered >= _MOST_TOKENS:
            if stream.asked and self._chance(0.7):
                self._runner.crop(number)
                stream.asked, stream.answered = False, 0
            else:
                self._close(number)
        elif not stream.asked and stream.left and self._chance(0.3):
            frames = int(self._rng.integers(1, min(16, stream.left) + 1))
            noise = self._rng.standard_normal(frames * HOP, dtype=np.float32) * np.float32(0.05)
            self._runner.append(number, noise)
            stream.left -= frames
        elif not stream.asked and not self._runner.counts(number).waiting and self._chance(0.2):
            guess = "[" + '{"Start":0.00,"End":1.00,"Speaker":0,"Content":"so"}' if self._chance(0.5) else ""
            self._runner.ask(number, replace(stream.question, guess=guess))
            stream.asked = True

    def _step(self) -> None:
        encode, rows = [], []
        for number in self._streams:
            counts = self._runner.counts(number)
            if counts.queued and self._chance(0.8):
                rows.append(RowWork(number, int(self._rng.integers(1, counts.queued + 1))))
            if counts.waiting and self._chance(0.5):
                encode.append(EncodeWork(number, int(self._rng.integers(1, counts.waiting + 1))))
        for emitted in self._runner.step(StepPlan(tuple(encode), tuple(rows))).emitted:
            if not all(map(isfinite, emitted.logprobs)):
                raise AssertionError(f"step {self.steps}: log-probabilities {emitted.logprobs}")
            self._streams[emitted.stream].answered += len(emitted.tokens)
            self.tokens += len(emitted.tokens)
        self.steps += 1

    def _close(self, number: int) -> None:
        self._runner.release(number)
        del self._streams[number]

    def _chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)
