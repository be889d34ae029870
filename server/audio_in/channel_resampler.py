"""The channels of live audio → rows of samples at 24 kHz, piece by piece."""

from __future__ import annotations

import numpy as np

from model.seam.audio import Samples
from server.audio_in.mixing import LiveMixer
from server.audio_in.offset import OffsetFilter
from server.audio_in.pcm import Channels, Resampler


class ChannelResampler:
    """Several channels at ``rate`` Hz → 24 kHz, piece by piece: a row with their mix, or with ``split`` a row each.

    A constant offset is taken away from the second after it is first heard; channels that would cancel each other in
    the mix are turned from a quarter of a second on.
    """

    def __init__(self, rate: int, channels: int, *, split: bool) -> None:
        self._mixer = None if split else LiveMixer(rate)
        self._rows = [Resampler(rate) for _ in range(channels if split else 1)]
        self._offsets = [OffsetFilter() for _ in self._rows]

    def push(self, channels: Channels) -> Channels:
        """The next samples ([channels, n], n may be 0) → what can be said of the output so far: [rows, m]."""
        rows = channels if self._mixer is None else [self._mixer.mix(channels)]
        return self._without_offset([row.push(samples) for row, samples in zip(self._rows, rows, strict=True)])

    def flush(self) -> Channels:
        """The rest of the output. The resampler is then ready for fresh audio at the same rate."""
        return self._without_offset([row.flush() for row in self._rows])

    def _without_offset(self, rows: list[Samples]) -> Channels:
        return np.stack([offset.push(row) for offset, row in zip(self._offsets, rows, strict=True)])
