"""Sample arithmetic: any sample format and channel count → mono float32 at 24 kHz."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples

MAX_AMPLITUDE = 1e6
"""Louder samples are damage. Full scale is 1; float files with samples scaled to 16 or even 20 bits still pass."""


Channels = npt.NDArray[np.float32]
"""Samples of several channels: [channels, samples], float32, full scale +-1."""


def as_floats(values: npt.NDArray[np.generic]) -> Channels:
    """``values`` ([channels, samples], integer or float) at full scale +-1."""
    with np.errstate(over="ignore"):  # absurd float samples are legal here; `Resampler` silences them
        floats: Channels = values.astype(np.float32, order="C")  # each channel in one piece
    if values.dtype == np.uint8:
        return (floats - np.float32(128)) / np.float32(128)
    if np.issubdtype(values.dtype, np.signedinteger):
        floats /= np.float32(2 ** (8 * values.dtype.itemsize - 1))
    return floats


def mix(channels: Channels) -> Samples:
    """The mean of ``channels``."""
    mono: Samples = channels[0].copy()
    with np.errstate(invalid="ignore", over="ignore"):
        for channel in channels[1:]:
            mono += channel
        mono /= np.float32(len(channels))
    return mono


class Resampler:
    """Mono float32 at ``rate`` Hz → mono float32 at 24 kHz, piece by piece; the pieces equal the whole.

    Attributes:
        silenced: samples that were replaced by 0 because they were NaN, infinite or absurdly large. One of them
            would otherwise spoil everything behind it through the filter's memory.
    """

    def __init__(self, rate: int) -> None:
        self.silenced = 0
        self._filter = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, quality="HQ")

    def push(self, mono: Samples) -> Samples:
        """The next samples ([n], may be empty) → what can be said of the output so far."""
        return self._run(mono, last=False)

    def flush(self) -> Samples:
        """The rest of the output. The resampler is then ready for fresh audio at the same rate."""
        rest = self._run(np.zeros(0, np.float32), last=True)
        if self._filter is not None:
            self._filter.clear()
        return rest

    def _run(self, mono: Samples, *, last: bool) -> Samples:
        usable = np.abs(mono) <= MAX_AMPLITUDE  # False for NaN
        if not usable.all():
            self.silenced += int(mono.size - np.count_nonzero(usable))
            mono = np.where(usable, mono, np.float32(0))
        if self._filter is None:
            return mono
        resampled: Samples = self._filter.resample_chunk(mono, last=last)
        return resampled


def joined(parts: Sequence[Channels]) -> Channels:
    """Rows of samples ([rows, n]) one behind the other; before there are any, it may not be known how many rows."""
    return np.concatenate([part for part in parts if part.size] or parts[-1:], axis=1)
