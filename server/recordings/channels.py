"""Which channels of a recording are worth hearing: those with something in them, and what is in two of them once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    """The numbers of the channels ([n] each, as long as each other) to be heard, and sentences for the client.

    Left out are channels without a sound, and those that are another one again, perhaps louder or turned over: a
    recording of one microphone that was saved as stereo.
    """
    peaks = [_peak(channel) for channel in channels]
    floor = min(_FLOOR, _FAR_BELOW * max(peaks))
    heard: list[int] = []
    notes: list[str] = []
    for number, channel in enumerate(channels):
        if peaks[number] <= floor:
            continue
        same = next((other for other in heard if _alike(channels[other], channel, floor)), None)
        if same is None:
            heard.append(number)
        else:
            notes.append(f"Channels {same} and {number} are the same; they were heard once, as channel {same}.")
    return heard, notes


def _peak(samples: Samples) -> float:
    return max(max(float(np.max(part)), -float(np.min(part))) for part in slices(samples, _SLICE))


def _alike(one: Samples, other: Samples, floor: float) -> bool:
    """Whether ``other`` is ``one`` at some level, and nothing besides."""
    energy = sum(float(np.dot(a, a)) for a, _ in _slices(one, other))
    gain = np.float32(sum(float(np.dot(a, b)) for a, b in _slices(one, other)) / energy)
    return all(float(np.max(np.abs(b - gain * a))) <= floor for a, b in _slices(one, other))


def _slices(one: Samples, other: Samples) -> Iterator[tuple[Samples, Samples]]:
    return zip(slices(one, _SLICE), slices(other, _SLICE), strict=True)
