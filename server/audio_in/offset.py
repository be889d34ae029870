"""A microphone's constant offset, which no voice has, is taken away; what has none stays as it is, to the bit.

The model was trained on sound without an offset and hears words in one. A filter that is always on would change what
the model answers to sound recordings (`python -m bench.parts.offset`), so it is switched on by an offset alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.seam.audio import SAMPLE_RATE, Samples

CORNER = 2.0
"""Hz, where the filter takes 3 dB away. At 80 Hz, the lowest of voices, it is 0.003 dB."""
LEAST = 0.0005
"""Of full scale. Sound recordings of speech have less over a second."""
_SURE = 7.0
"""Standard errors of the mean by which an offset differs from 0: an hour of noise has no such second by chance."""
_SPAN = SAMPLE_RATE // 20
"""Samples whose mean is one observation: longer than any voice's period."""
_FEWEST = 10
"""Observations from which on it can be said how sure they are."""
_WINDOW = SAMPLE_RATE
"""Samples in which an offset is looked for."""


def offset_of(samples: Samples) -> float | None:
    """The constant offset of about a second of ``samples`` ([n], 24 kHz), None where there is none for sure."""
    spans = samples.size // _SPAN
    if spans < _FEWEST:
        return None
    means = samples[: spans * _SPAN].reshape(spans, _SPAN).mean(axis=1, dtype=np.float64)
    mean, error = float(means.mean()), float(means.std(ddof=1)) / spans**0.5
    return mean if abs(mean) > max(LEAST, _SURE * error) else None


class OffsetFilter:
    """Takes the offset of one recording away from where there is one for sure to the end.

    Nothing is held back: what `push` is given decides from the next window on, unless `look` was shown it before.
    """

    def __init__(self) -> None:
        self._high_pass: HighPass | None = None
        self._window = np.zeros(_WINDOW, np.float32)
        self._filled = 0

    def look(self, samples: Samples) -> None:
        """``samples`` ([n]) are what comes next."""
        if self._high_pass is None and (offset := offset_of(samples)) is not None:
            self._high_pass = HighPass(offset)

    def push(self, samples: Samples) -> Samples:
        """The next samples ([n], may be empty) → as many. Pieces of any size give what the whole gives, to the bit."""
        start, passed = 0, []
        while self._high_pass is None and start < samples.size:
            piece = samples[start : start + _WINDOW - self._filled]
            self._window[self._filled : self._filled + piece.size] = piece
            self._filled += piece.size
            if self._filled == _WINDOW:
                self._filled = 0
                self.look(self._window)
            passed.append(piece)
            start += piece.size
        if self._high_pass is None:
            return samples
        return np.concatenate([*passed, self._high_pass.push(samples[start:])])


class HighPass:
    """A filter of the first order for samples at 24 kHz: y = x - m, where m follows x slowly.

    m[n] = r m[n-1] + (1 - r) x[n]. It is computed in blocks as a running sum of x[n] / r**n, in double precision and
    always in the same order, so that pieces of any size give what the whole gives, to the bit.

    Args:
        mean: m before the first sample.
        corner: Hz, where 3 dB are taken away.
    """

    _BLOCK = 4096

    def __init__(self, mean: float = 0.0, corner: float = CORNER) -> None:
        self._mean = mean
        self._sum = 0.0
        self._at = 0
        self._decay = float(np.exp(-2 * np.pi * corner / SAMPLE_RATE))
        self._powers = np.power(self._decay, np.arange(self._BLOCK), dtype=np.float64)

    def push(self, samples: Samples) -> Samples:
        """The next samples ([n], may be empty) → as many."""
        filtered = np.empty_like(samples)
        start = 0
        while start < samples.size:
            stop = start + min(self._BLOCK - self._at, samples.size - start)
            filtered[start:stop] = samples[start:stop] - self._means(samples[start:stop])
            start = stop
        return filtered

    def _means(self, samples: Samples) -> npt.NDArray[np.float64]:
        """m at ``samples``, which do not reach beyond the block."""
        powers = self._powers[self._at : self._at + samples.size]
        sums = np.empty(samples.size + 1)
        sums[0] = self._sum
        np.divide(samples, powers, out=sums[1:])
        np.cumsum(sums, out=sums)
        means: npt.NDArray[np.float64] = powers * (self._decay * self._mean + (1 - self._decay) * sums[1:])
        self._at += samples.size
        self._sum = float(sums[-1])
        if self._at == self._BLOCK:
            self._mean, self._sum, self._at = float(means[-1]), 0.0, 0
        return means
