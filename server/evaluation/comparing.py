"""Whether one way of transcribing is better than another on the same recordings.

A paired bootstrap: recordings are drawn again for both ways at once, so that what makes a recording hard for both does
not hide the difference between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from server.evaluation.figures import Figures
from server.evaluation.pooling import Metric, interval, samples

FEWEST = 5
"""Recordings: of less, samples are too much alike for an interval to mean anything."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of a figure.

    Attributes:
        before, after: of the two ways.
        low, high: between them lies ``after`` less ``before`` in 95 % of the samples; None with too few recordings.
        recordings: that have the figure both ways.
    """

    before: float
    after: float
    low: float | None
    high: float | None
    recordings: int

    @property
    def change(self) -> float:
        """``after`` less ``before``: what is below 0 is an improvement."""
        return self.after - self.before

    @property
    def significant(self) -> bool | None:
        """Whether there is a difference, at the level of 5 %; None where nobody can say."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


def compare(metric: Metric, pairs: Sequence[tuple[Figures, Figures]]) -> Difference | None:
    """Of the same recordings both ways; None where none has the figure."""
    both = [(metric.of(one), metric.of(other)) for one, other in pairs]
    parts = [(one, other) for one, other in both if one is not None and other is not None]
    before, after = metric.value([one for one, _ in parts]), metric.value([other for _, other in parts])
    if before is None or after is None:
        return None
    if len(parts) < FEWEST:
        return Difference(before, after, None, None, len(parts))
    changes = [
        metric.pooled([other for _, other in parts], weights) - metric.pooled([one for one, _ in parts], weights)
        for weights in samples(len(parts))
    ]
    low, high = interval(np.concatenate(changes))
    return Difference(before, after, low, high, len(parts))
