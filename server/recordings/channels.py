"""Which channels of a recording are worth hearing: those with something in them, and what is in two of them once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.seam.audio import Samples
from server.audio_in.kept_samples import slices

_FLOOR = 2**-13
"""Nothing can be said more softly: four steps of 16 bits, for dither and for what resampling makes of rounding."""
_FAR_BELOW = 1e-3
"""... and by so much less than the loudest channel, since files of floats may be written at any level."""
_SLICE = 1 << 20
"""Samples that are looked at in one go: an hour is not to be held twice for that."""


def audible(channels: Sequence[Samples]) -> tuple[list[int], list[str]]:
    """The numbers of the channels ([n] each, as long as each other) to be heard, and sentences for the client."""
    found = Audibility()
    found.add(channels)
    return found.heard, found.notes


class Audibility:
    """Which channels have something in them that is to be heard, as far as their samples have come.

    Left out are channels without a sound, and those that are another one again, perhaps louder or turned over: a
    recording of one microphone that was saved as stereo. What has something of its own once is heard from then on.

    Attributes:
        since: the channels to be heard, each with how many samples there were before something of its own came.
    """

    def __init__(self) -> None:
        self.since: dict[int, int] = {}
        self._samples = 0
        self._peaks: list[float] = []
        self._energies: list[float] = []
        self._pairs: dict[tuple[int, int], _Pair] = {}

    def add(self, channels: Sequence[Samples]) -> None:
        """What comes next, [n] of each channel that there is; one that comes up late was silent."""
        new = [0.0] * (len(channels) - len(self._peaks))
        self._peaks, self._energies = self._peaks + new, self._energies + new
        peaks = [_peak(channel) for channel in channels]
        for number, channel in enumerate(channels):
            self._peaks[number] = max(self._peaks[number], peaks[number])
            self._energies[number] += sum(float(np.dot(part, part)) for part in slices(channel, _SLICE))
        for number, channel in enumerate(channels):
            for other in range(number):
                pair = self._pairs.setdefault((other, number), _Pair())
                if peaks[number] or pair.product:  # else there was nothing of it yet
                    pair.add(channels[other], channel, self._energies[other], self._floor)
            audible = self._peaks[number] > self._floor
            if audible and number not in self.since and self._same(number) is None:
                self.since[number] = self._samples
        self._samples += channels[0].size

    @property
    def heard(self) -> list[int]:
        """The numbers of the channels to be heard, in order."""
        return sorted(self.since)

    @property
    def notes(self) -> list[str]:
        """Sentences for the client about what was left out."""
        same = {number: self._same(number) for number in range(len(self._peaks)) if number not in self.since}
        return [
            f"Channels {other} and {number} are the same; they were heard once, as channel {other}."
            for number, other in same.items()
            if other is not None and self._peaks[number] > self._floor
        ]

    @property
    def _floor(self) -> float:
        return min(_FLOOR, _FAR_BELOW * max(self._peaks))

    def _same(self, number: int) -> int | None:
        """A channel that is heard, and that this one is again."""
        found = (other for other in self.heard if other < number and self._pairs[other, number].alike)
        return next(found, None)


@dataclass(slots=True)
class _Pair:
    """Whether one channel is another at some level, and nothing besides. ``product``: of all samples so far."""

    alike: bool = True
    product: float = 0.0

    def add(self, one: Samples, other: Samples, energy: float, floor: float) -> None:
        """What comes next of both. ``energy``: of all samples of ``one`` so far."""
        if not self.alike:
            return
        self.product += sum(float(np.dot(a, b)) for a, b in _slices(one, other))
        gain = np.float32(self.product / energy) if energy else np.float32(0)
        self.alike = all(float(np.max(np.abs(b - gain * a))) <= floor for a, b in _slices(one, other))


def _peak(samples: Samples) -> float:
    return max((max(float(np.max(part)), -float(np.min(part))) for part in slices(samples, _SLICE)), default=0.0)


def _slices(one: Samples, other: Samples) -> Iterator[tuple[Samples, Samples]]:
    return zip(slices(one, _SLICE), slices(other, _SLICE), strict=True)
