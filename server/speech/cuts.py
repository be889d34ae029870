"""Where a recording may be cut: in a pause, found by energy, or by voice activity where that tells nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.speech.detector import SpeechDetector

_FRAME: Final = SAMPLE_RATE // 50
"""Samples: 20 ms."""
_SHORTEST_PAUSE: Final = 0.25
"""Seconds: shorter ones stand within words, before plosives."""
_FLOOR_DB: Final = -70.0
_ABOVE_NOISE_DB, _BELOW_SPEECH_DB = 6.0, 15.0
"""A pause is hardly louder than the softest tenth of what is searched, and far softer than the loudest."""
_NO_SPEECH: Final = 0.15
"""Probability below which the detector is sure."""
_NEARER: Final = 0.25
"""How much longer a pause at the beginning of what is searched has to be than one at its end."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Sample number ``at``; ``silent``: nobody speaks there, as far as anybody can tell."""

    at: int
    silent: bool


def best_cut(samples: Samples, first: int, last: int, level: Level = Level()) -> Cut:  # noqa: B008 - frozen
    """Where to cut ``samples`` ([n], mono 24 kHz) between ``first`` and ``last``: in the middle of the longest pause.

    ``level``: of the recording, without which all of a soft one would be a pause.

    Late ones go before early ones of the same length. Where there is no pause it is the softest place. Energy is
    looked at in no time; only where that finds nothing the detector is asked: 6 ms for a second of what is searched.
    """
    part = level.apply(np.asarray(samples[first:last]))
    levels = _levels(part)
    if not levels.size:
        return Cut(last, silent=False)
    pause = _longest(levels <= _threshold(levels), _SHORTEST_PAUSE * SAMPLE_RATE / _FRAME)
    if pause is not None:
        return Cut(first + round(pause * _FRAME), silent=True)
    quiet = np.array(SpeechDetector().probabilities(part)) < _NO_SPEECH
    pause = _longest(quiet, _SHORTEST_PAUSE / SpeechDetector.FRAME)
    if pause is not None:
        return Cut(first + round(pause * SpeechDetector.FRAME * SAMPLE_RATE), silent=True)
    width = max(1, round(0.2 * SAMPLE_RATE / _FRAME))
    softness = np.convolve(levels, np.ones(width) / width, mode="same")
    return Cut(first + round((int(np.argmin(softness)) + 0.5) * _FRAME), silent=False)


def next_pause(samples: Samples, first: int, level: Level = Level()) -> int | None:  # noqa: B008 - frozen
    """The middle of the first pause of ``samples`` ([n], mono 24 kHz) that ends behind the sample ``first``.

    By energy alone. None where there is none. What lies before ``first`` helps to tell a pause from speech.
    """
    levels = _levels(level.apply(np.asarray(samples)))
    if not levels.size:
        return None
    for start, end in _runs(levels <= _threshold(levels), _SHORTEST_PAUSE * SAMPLE_RATE / _FRAME):
        if end * _FRAME > first:
            return round((max(start, first / _FRAME) + end) / 2 * _FRAME)
    return None


def _levels(samples: Samples) -> npt.NDArray[np.float64]:
    """dBFS of each whole frame."""
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return np.asarray(np.maximum(10 * np.log10(power + 1e-12), _FLOOR_DB))


def _threshold(levels: npt.NDArray[np.float64]) -> float:
    noise, speech = np.quantile(levels, (0.1, 0.9))
    return float(max(_FLOOR_DB, min(noise + _ABOVE_NOISE_DB, speech - _BELOW_SPEECH_DB)))


def _longest(quiet: npt.NDArray[np.bool_], shortest: float) -> float | None:
    """The middle of the best run of True, in frames; None where all are too short."""
    runs = _runs(quiet, shortest)
    if not runs:
        return None

    def worth(run: tuple[int, int]) -> float:
        return (run[1] - run[0]) * (1 + _NEARER * run[1] / quiet.size)

    start, end = max(runs, key=worth)
    return (start + end) / 2


def _runs(quiet: npt.NDArray[np.bool_], shortest: float) -> list[tuple[int, int]]:
    """First frame of each run of True, and the one behind its last; in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= shortest]
