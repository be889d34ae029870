"""One line of the table of what the server does beside the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.support.report import Goal

ROUNDS = 3
"""The machine's own pauses lengthen a measurement and never shorten it: of so many rounds the best counts."""


@dataclass(frozen=True, slots=True)
class Line:
    """``work``: what is done. ``cost``: what it took, in words."""

    work: str
    cost: str
    goals: Sequence[Goal]


def milliseconds(work: Callable[[], object]) -> float:
    """What one call takes."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def typical(times: Sequence[float]) -> float:
    """Of repeated measurements, what one of them takes without a pause of the machine."""
    return float(median(times))
