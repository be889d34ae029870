"""Figures of several recordings as one, and how far they can be trusted.

Counts are summed before they are divided, so long recordings weigh more. Intervals are those of a bootstrap over
recordings (Bisani and Ney 2004): what is drawn again are whole recordings, for errors of one depend on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from server.evaluation.figures import Figures

Array = npt.NDArray[np.float64]
Part = tuple[float, ...]
"""What one recording adds to a figure."""

_SAMPLES = 2000
"""Drawn: ends of intervals are then exact to a fraction of their width."""
_AT_ONCE = 50
_SEED = 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of several recordings.

    Attributes:
        value: the figure.
        low, high: between them it lies in 95 % of the samples; None with a single recording.
        recordings: that have it.
    """

    value: float
    low: float | None
    high: float | None
    recordings: int


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure.

    Attributes:
        name: in files.
        of: what a recording has for it; None where it has nothing.
        pooled: the figure of several recordings, for each row of weights (how often each of them counts); nan where
            there is none.
    """

    name: str
    of: Callable[[Figures], Part | None]
    pooled: Callable[[Sequence[Part], Array], Array]

    def value(self, parts: Sequence[Part]) -> float | None:
        """Of recordings that count once each; None where there is none."""
        found = float(self.pooled(parts, np.ones((1, len(parts))))[0]) if parts else float("nan")
        return None if np.isnan(found) else found


def _ratio(parts: Sequence[Part], weights: Array) -> Array:
    """Of the sums of errors and lengths."""
    errors, lengths = (weights @ np.array(parts, np.float64)).T
    found = np.full(len(weights), np.nan)
    np.divide(errors, lengths, out=found, where=lengths > 0)
    return found


def _quantile(share: float) -> Callable[[Sequence[Part], Array], Array]:
    """The smallest error that so many are not above."""

    def pooled(parts: Sequence[Part], weights: Array) -> Array:
        errors = np.array([error for part in parts for error in part], np.float64)
        if not errors.size:
            return np.full(len(weights), np.nan)
        owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        order = np.argsort(errors, kind="stable")
        reached = np.cumsum(weights[:, owners[order]], axis=1)
        enough = reached >= share * reached[:, -1:] - 1e-9
        found = errors[order][np.argmax(enough, axis=1)]
        return np.where(reached[:, -1] > 0, found, np.nan)

    return pooled


def _edits(name: str) -> Callable[[Figures], Part | None]:
    def of(figures: Figures) -> Part | None:
        found = getattr(figures, name)
        return None if found is None else (found.errors, found.length)

    return of


def _diarization(figures: Figures) -> Part | None:
    found = figures.diarization
    return None if found is None else (found.errors, found.speech)


def _speakers(figures: Figures) -> Part | None:
    found = figures.speakers
    return None if found is None else (abs(found.told - found.said), 1.0)


def _boundaries(figures: Figures) -> Part | None:
    return figures.boundaries


METRICS = (
    Metric("wer", _edits("words"), _ratio),
    Metric("cer", _edits("characters"), _ratio),
    Metric("cpwer", _edits("attributed"), _ratio),
    Metric("tcpwer", _edits("timed"), _ratio),
    Metric("der", _diarization, _ratio),
    Metric("speaker_count_error", _speakers, _ratio),
    Metric("boundary_median", _boundaries, _quantile(0.5)),
    Metric("boundary_p90", _boundaries, _quantile(0.9)),
)
"""Rates are shares of 1, boundaries seconds; ``speaker_count_error`` is by how many speakers too many or too few."""


def estimate(metric: Metric, figures: Sequence[Figures]) -> Estimate | None:
    """Of several recordings; None where none has the figure."""
    parts = [found for each in figures if (found := metric.of(each)) is not None]
    value = metric.value(parts)
    if value is None:
        return None
    if len(parts) == 1:
        return Estimate(value, None, None, 1)
    low, high = interval(np.concatenate([metric.pooled(parts, weights) for weights in samples(len(parts))]))
    return Estimate(value, low, high, len(parts))


def samples(count: int) -> Iterator[Array]:
    """How often each of ``count`` recordings was drawn, a row for each sample, some at a time; always the same."""
    source = np.random.default_rng(_SEED)
    rows = count * np.arange(_AT_ONCE)[:, np.newaxis]
    for _ in range(_SAMPLES // _AT_ONCE):
        drawn = rows + source.integers(count, size=(_AT_ONCE, count))
        yield np.bincount(drawn.ravel(), minlength=rows.size * count).reshape(_AT_ONCE, count).astype(np.float64)


def interval(values: Array) -> tuple[float, float]:
    """Between which 95 % of the samples lie; those in which nothing was said tell nothing."""
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)
