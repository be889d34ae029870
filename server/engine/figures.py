"""What a worker counts of its work, in numbers that add up: over its life, and over workers that follow each other.

The worker counts, and sends what it has counted with its other stats; nothing crosses the pipe for each step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

STEP_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Bounds for the time of a step: some milliseconds on a GPU, seconds for a large model on a CPU."""
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Bounds for the rows of a step."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often something was how large.

    Attributes:
        bounds: upper ends of the buckets, included in them; one more bucket has no end.
        counts: of each bucket by itself; empty where nothing was counted.
        total: sum of all that was counted.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...] = ()
    total: float = 0.0

    def __add__(self, other: Distribution) -> Distribution:
        if not self.counts or not other.counts:
            return self if self.counts else other
        counts = tuple(ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True))
        return Distribution(self.bounds, counts, self.total + other.total)


class Tally:
    """Counts a distribution."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Count one more."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    @property
    def distribution(self) -> Distribution:
        """All that was counted so far."""
        return Distribution(self._bounds, tuple(self._counts), self._total)


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What a worker has done since it was there, or several have.

    Attributes:
        steps: that were read.
        busy_seconds: which its thread spent launching steps and waiting for them.
        encoded_frames: of audio.
        positions: inputs that were moved into the KV cache, of prompts and answers; guesses not counted.
        answer_tokens: that were given out.
        guessed_tokens: that were verified beside those which a step answers anyway.
        accepted_tokens: of them, those that came true.
        preemptions: how often a stream gave its pages to those before it, to go on later.
        step_seconds: how long steps took: each from its launch, or from the end of the one before where that was later,
            until it was read. Their sum is the time in which there was a step.
        rows: how many streams were computed in a step; steps that only encode have none.
    """

    steps: int = 0
    busy_seconds: float = 0.0
    encoded_frames: int = 0
    positions: int = 0
    answer_tokens: int = 0
    guessed_tokens: int = 0
    accepted_tokens: int = 0
    preemptions: int = 0
    step_seconds: Distribution = field(default_factory=lambda: Distribution(STEP_SECONDS))
    rows: Distribution = field(default_factory=lambda: Distribution(ROWS))

    def __add__(self, other: WorkDone) -> WorkDone:
        return WorkDone(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """A GPU's memory in bytes.

    Attributes:
        allocated: in use by tensors of the worker.
        reserved: taken by the worker's allocator, in use or kept for the next tensor.
        free: what nobody has taken, other processes included.
        total: all there is.
    """

    allocated: int
    reserved: int
    free: int
    total: int


class LoopFigures:
    """Of answers that ran in circles, counted by whoever hears them.

    Attributes:
        stretches: by kind and by what became of them.
        tokens: that were written for nothing.
    """

    def __init__(self) -> None:
        self.stretches: Counter[tuple[str, str]] = Counter()
        self.tokens = 0

    def count(self, kind: str, outcome: str) -> None:
        """One more is dealt with."""
        self.stretches[kind, outcome] += 1
