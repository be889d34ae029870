"""A long file on the device: when its first segment is there, and what the rows beside it feel of its coming in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise
from statistics import median
from time import monotonic

import numpy as np

from bench.gpu.bench import Bench, Section
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.steps import DEFAULT_STEPS
from model.seam.streams import Question, StreamSpec
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CloseStream,
    OpenStream,
    StopWorker,
    StreamFailed,
    ToClient,
    ToWorker,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop

SEGMENT_TOKENS = 57
"""Of a segment of ordinary speech, the JSON around its words included."""
_BLOCK_SECONDS = 10
_SHORT_SECONDS = 5
_SHORT_TOKENS = 2048
"""Enough that the rows beside a long file decode until it has answered."""
_LONG = 0
"""The number of its stream."""


def long_file(bench: Bench, section: Section) -> None:
    """The long file alone with two budgets, then beside rows that decode, with a smaller one too."""
    columns = ["rows beside", "frames/step", "positions/step", "first token, s", "first segment, s", "share of floor"]
    section.header = [*columns, "longest gap of a row, ms", "usual gap, ms"]
    frames = GEOMETRY.frames(bench.sizes.long_seconds * SAMPLE_RATE)
    found = bench.known_rates
    encoding = bench.encoder_costs.encode(found, frames)
    usual = DEFAULT_STEPS
    larger = replace(usual, encode_frames=600, prefill_positions=8192)
    runner = bench.runner(steps=larger if bench.roomy else usual)
    prompt = runner.prompt_positions(frames, Question())
    floor = encoding + bench.costs.prefill(found, prompt)
    section.notes.append(
        f"{bench.sizes.long_seconds} s of audio, {prompt} positions; floor of encoding and prefill {floor:.3f} s"
    )
    for beside, steps in (
        (0, usual),
        *([(0, larger)] if bench.roomy else []),
        (bench.sizes.beside, usual),
        (bench.sizes.beside, replace(usual, prefill_positions=512)),
    ):
        clients = _Clients(bench.sizes.long_seconds, beside)
        StepLoop(runner, EngineSettings(steps=steps), receive=clients.receive, send=clients.send, clock=monotonic).run()
        times = clients.arrivals[_LONG]
        first, segment = (times[place] - clients.began for place in (0, -1))
        gaps = clients.gaps()
        section.rows.append(
            [
                *(str(each) for each in (beside, steps.encode_frames, steps.prefill_positions)),
                f"{first:.3f}",
                f"{segment:.3f}",
                f"{100 * floor / segment:.0f} %",
                *([f"{1000 * max(gaps):.0f}", f"{1000 * median(gaps):.1f}"] if gaps else ["-", "-"]),
            ]
        )
        if not beside:
            bench.first_segment = min(segment / floor, bench.first_segment or float("inf"))


class _Clients:
    """Clients of the step loop: short files, and when all of those decode, a long one that ends after a segment.

    ``arrivals``: when each answer token of each stream came. ``began``: when the long file was sent.
    """

    def __init__(self, long_seconds: int, beside: int) -> None:
        self._long_seconds, self._beside = long_seconds, beside
        self._opened = self._done = False
        self.began = 0.0
        self.arrivals: dict[int, list[float]] = {number: [] for number in range(beside + 1)}

    def receive(self, _patience: float | None) -> Sequence[ToWorker]:
        if self._done:
            return [*(CloseStream(number) for number in self.arrivals if number != _LONG), StopWorker()]
        if not self._opened:
            self._opened = True
            short = [_file(number, _SHORT_SECONDS, _SHORT_TOKENS) for number in range(1, self._beside + 1)]
            if short:
                return list(chain.from_iterable(short))
        if not self.began and all(times for number, times in self.arrivals.items() if number != _LONG):
            messages = _file(_LONG, self._long_seconds, SEGMENT_TOKENS)
            self.began = monotonic()
            return messages
        return []

    def send(self, messages: Sequence[ToClient]) -> None:
        now = monotonic()
        for message in messages:
            match message:
                case AnswerTokens(number, tokens, _):
                    self.arrivals[number] += [now] * len(tokens)
                case AnswerDone(number):
                    self._done |= number == _LONG
                case StreamFailed(number, code, explanation):
                    raise RuntimeError(f"stream {number}: {code} {explanation}")
                case _:
                    pass

    def gaps(self) -> list[float]:
        """Seconds between two tokens of a row beside the long file, while that came in."""
        answered = self.arrivals[_LONG][0]
        return [
            after - before
            for number, times in self.arrivals.items()
            if number != _LONG
            for before, after in pairwise(times)
            if after > self.began and before < answered
        ]


def _file(number: int, seconds: int, tokens: int) -> list[ToWorker]:
    """A whole file of noise, as the API process sends it."""
    samples = seconds * SAMPLE_RATE
    question = Question(max_tokens=tokens)
    block = _noise(min(seconds, _BLOCK_SECONDS)).tobytes()
    audio = [
        AppendAudio(number, block[: 4 * (samples - first)]) for first in range(0, samples, _BLOCK_SECONDS * SAMPLE_RATE)
    ]
    opening = OpenStream(number, f"file-{number}", StreamSpec(GEOMETRY.frames(samples), question))
    return [opening, *audio, AskStream(number, question, last=True)]


def _noise(seconds: int) -> Samples:
    return np.random.default_rng(0).standard_normal(seconds * SAMPLE_RATE, dtype=np.float32) * np.float32(0.05)
