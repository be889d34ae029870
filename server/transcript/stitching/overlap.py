"""What two windows have in common: a stretch of time, and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BLUR: Final = 3.0
"""Seconds by which one estimate is wrong at worst: so far from the overlap its words may seem to be."""


@dataclass(frozen=True, slots=True)
class Match:
    """Units ``a[first_a:end_a]`` and ``b[first_b:end_b]`` are the same: one each, or two on one side written apart."""

    first_a: int
    end_a: int
    first_b: int
    end_b: int
    weight: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """The time that two windows have in common, in seconds of the recording. Its end may lie before its start."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        """As far from the one window's end as from the other one's start."""
        return (self.start + self.end) / 2

    @property
    def seconds(self) -> float:
        """Its length, at least 0."""
        return max(self.end - self.start, 0.0)
