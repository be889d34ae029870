"""Audio as it crosses the seam, and its level. No torch: the API process uses this too.

Everybody outside of ``model`` hears mono audio at 24 kHz. How it is cut into frames is the family's
(``model.family.Geometry``), and one that hears another rate resamples behind the seam. The level is -25 dBFS RMS, by
the rule of Transformers' ``VibeVoiceAcousticTokenizerFeatureExtractor``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio at ``SAMPLE_RATE``, float32, full scale +-1."""

SAMPLE_RATE = 24_000
"""Samples per second."""
TARGET_DBFS = -25.0
_EPS = 1e-6
LEVEL_SLICE = 128 * 8192
"""Samples that are looked at in one go, four MiB. A multiple of the 8192 that NumPy converts to float64 and adds up at
a time, so that sums go the same way as over the whole."""


@dataclass(frozen=True, slots=True)
class Level:
    """A gain, and the divisor that follows it where the gained peak would pass full scale.

    Two numbers instead of their quotient, so that the result equals the processor's to the bit.
    """

    gain: float = 1.0
    divisor: float = 1.0

    def apply(self, samples: Samples) -> Samples:
        """Scaled copy of ``samples`` (any shape), float32."""
        scaled = samples * np.float32(self.gain)
        return scaled if self.divisor == 1.0 else scaled / np.float32(self.divisor)


def clip_level(samples: Samples) -> Level:
    """The level of a whole clip (``samples``: [n]): RMS to -25 dBFS, then the peak to full scale at most."""
    return level_of(samples[start : start + LEVEL_SLICE] for start in range(0, samples.size, LEVEL_SLICE))


class LevelMeter:
    """The level of a clip that comes piece by piece.

    In slices of `LEVEL_SLICE` samples the energy is ``np.sum(np.square(samples), dtype=np.float64)`` to the bit,
    without a second clip for the squares.
    """

    def __init__(self) -> None:
        self._total, self._peak, self._count = np.float64(0), 0.0, 0

    def add(self, samples: Samples) -> None:
        """What comes next: [n], n > 0."""
        self._total = np.add.reduce(np.square(samples), dtype=np.float64, initial=self._total)
        self._peak = max(self._peak, float(np.max(samples)), -float(np.min(samples)))
        self._count += samples.size

    @property
    def level(self) -> Level:
        """Of all that came."""
        if not self._count:
            return Level()
        gain = 10 ** (TARGET_DBFS / 20) / (float(np.sqrt(self._total / self._count)) + _EPS)
        peak = self._peak * gain
        return Level(gain, peak + _EPS if peak > 1.0 else 1.0)


def level_of(slices: Iterable[Samples]) -> Level:
    """As `clip_level`, of a clip in slices of `LEVEL_SLICE` samples, the last of what is left; they need not be there
    at once."""
    meter = LevelMeter()
    for part in slices:
        meter.add(part)
    return meter.level
