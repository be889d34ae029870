"""What no voice has is taken away: a microphone's constant offset, and its slow drift."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.seam.audio import SAMPLE_RATE, Samples

CORNER = 10.0
"""Hz, where 3 dB are taken away. At 80 Hz, the lowest of voices, it is 0.07 dB."""
_BLOCK = 4096
_DECAY = float(np.exp(-2 * np.pi * CORNER / SAMPLE_RATE))
_POWERS: npt.NDArray[np.float64] = _DECAY ** np.arange(_BLOCK)


class HighPass:
    """A filter of the first order for samples at 24 kHz: y = x - m, where m follows x slowly.

    m[n] = r m[n-1] + (1 - r) x[n], beginning at the first sample, so that an offset is gone at once. It is computed in
    blocks as a running sum of x[n] / r**n, in double precision and always in the same order: pieces of any size give
    what the whole gives, to the bit.
    """

    def __init__(self) -> None:
        self._mean: float | None = None
        self._sum = 0.0
        self._at = 0

    def push(self, samples: Samples) -> Samples:
        """The next samples ([n], may be empty) → as many."""
        if self._mean is None and samples.size:
            self._mean = float(samples[0])
        filtered = np.empty_like(samples)
        start = 0
        while start < samples.size:
            stop = start + min(_BLOCK - self._at, samples.size - start)
            filtered[start:stop] = samples[start:stop] - self._means(samples[start:stop])
            start = stop
        return filtered

    def _means(self, samples: Samples) -> npt.NDArray[np.float64]:
        """m at ``samples``, which do not reach beyond the block."""
        assert self._mean is not None
        powers = _POWERS[self._at : self._at + samples.size]
        sums = np.empty(samples.size + 1)
        sums[0] = self._sum
        np.divide(samples, powers, out=sums[1:])
        np.cumsum(sums, out=sums)
        means: npt.NDArray[np.float64] = powers * (_DECAY * self._mean + (1 - _DECAY) * sums[1:])
        self._at += samples.size
        self._sum = float(sums[-1])
        if self._at == _BLOCK:
            self._mean, self._sum, self._at = float(means[-1]), 0.0, 0
        return means
