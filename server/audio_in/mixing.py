"""Several channels → one, so that what is said in any of them is still there.

The mean of the channels is right for almost every recording: the level is set afterwards, so that a voice in one
channel alone is as loud as one in all of them. It fails where a channel is another one turned upside down (a cable that
is wired the wrong way round, "wide" effects, one half of a balanced line): they cancel each other, and silence is left.
Such channels are turned back before they are added.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from model.seam.audio import Samples
from server.audio_in.pcm import MAX_AMPLITUDE, Channels, mix

_OPPOSITE = -0.7
"""Correlation from which on a channel is the opposite of the others. Independent voices have one of about 0."""
_WINDOW = 0.25
"""Seconds for which it is decided."""
_FADE = 0.01
"""Seconds in which a channel is turned."""
_VOICE = (200.0, 4_000.0)
"""Hz. Neither a constant offset nor hum decides whether voices cancel each other."""
_LOOKED_AT = 8_000.0
"""Hz, about the rate at which the channels are compared."""
_SILENT = 1e-4

Signs = npt.NDArray[np.float32]
"""[channels] of +-1."""


class Mixer:
    """Mixes the channels of one recording, with what it knew of them up to there.

    Attributes:
        turned_seconds: in which a channel was turned.
    """

    def __init__(self, rate: int) -> None:
        self.turned_seconds = 0.0
        self._rate = rate
        self._signs: Signs | None = None

    def mix(self, channels: Channels) -> Samples:
        """The mean of ``channels`` ([channels, samples]), some of them turned."""
        if len(channels) == 1:
            only: Samples = channels[0]
            return only
        window = round(_WINDOW * self._rate)
        starts = range(0, channels.shape[1], window)
        return np.concatenate([self._window(channels[:, start : start + window]) for start in starts])

    def _window(self, channels: Channels) -> Samples:
        before = self._signs if self._signs is not None else np.ones(len(channels), np.float32)
        signs = _signs(channels, self._rate, before)
        if self._signs is None:
            before = signs
        self._signs = signs
        if (signs < 0).any():
            self.turned_seconds += channels.shape[1] / self._rate
        elif (before > 0).all():
            return mix(channels)
        return _turned(channels, before, signs, round(_FADE * self._rate), 0)


class LiveMixer:
    """Mixes the channels of live audio, piece by piece; pieces of any size make the same whole.

    What comes next cannot be waited for, so every quarter of a second is mixed by what the one before it was like, and
    the first one as it is.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._size = round(_WINDOW * rate)
        self._window: list[Channels] = []  # what was mixed of the present quarter of a second
        self._at = 0  # how much that is
        self._before: Signs | None = None
        self._signs: Signs | None = None

    def mix(self, channels: Channels) -> Samples:
        """The mean of ``channels`` ([channels, samples]; every time as many), some of them turned."""
        if len(channels) == 1:
            only: Samples = channels[0]
            return only
        pieces = []
        while channels.shape[1]:
            room = self._size - self._at
            pieces.append(self._mixed(channels[:, :room]))
            channels = channels[:, room:]
        return np.concatenate(pieces) if pieces else channels[0]

    def _mixed(self, piece: Channels) -> Samples:
        """A piece within one quarter of a second."""
        if self._before is None or self._signs is None:
            self._before = self._signs = np.ones(len(piece), np.float32)
        if (self._before > 0).all() and (self._signs > 0).all():
            mixed = mix(piece)
        else:
            mixed = _turned(piece, self._before, self._signs, round(_FADE * self._rate), self._at)
        self._window.append(piece.copy())
        self._at += piece.shape[1]
        if self._at == self._size:
            self._before, self._signs = (
                self._signs,
                _signs(np.concatenate(self._window, axis=1), self._rate, self._signs),
            )
            self._window, self._at = [], 0
        return mixed


def _turned(channels: Channels, before: Signs, signs: Signs, fade: int, at: int) -> Samples:
    """The mean with ``signs``, into which it fades from those ``before`` in the first ``fade`` samples of a window.

    ``channels`` begin ``at`` samples behind the window's start.
    """
    place = np.minimum(np.arange(at, at + channels.shape[1], dtype=np.float32) / np.float32(fade), np.float32(1))
    gains = before[:, None] + (signs - before)[:, None] * place
    with np.errstate(invalid="ignore", over="ignore"):
        return mix(channels * gains)


def _signs(channels: Channels, rate: int, before: Signs) -> Signs:
    """[channels] of +-1: the loudest channel as it is, each further one so that it does not cancel the sum so far.

    Those that are alike in no way keep the sign they had ``before``.
    """
    voices = _voices(channels, rate)
    energies = np.sum(np.abs(voices) ** 2, axis=1)
    order = np.argsort(-energies)
    if not energies[order[1]] > _SILENT**2 * energies[order[0]]:
        return before
    signs = before.copy()
    total = voices[order[0]] * before[order[0]]
    for channel in order[1:]:
        likeness = _likeness(total, voices[channel])
        if abs(likeness) > -_OPPOSITE:
            signs[channel] = np.sign(likeness)
        total = total + voices[channel] * signs[channel]
    # Turned all together they sound the same: as few as possible are.
    return -signs if np.count_nonzero(signs < 0) > len(signs) / 2 else signs


def _voices(channels: Channels, rate: int) -> npt.NDArray[np.complex128]:
    """[channels, frequencies] in the range of voices."""
    step = max(1, int(rate / _LOOKED_AT))
    length = channels.shape[1] // step
    fewer = channels[:, : length * step : step].copy()
    with np.errstate(invalid="ignore", over="ignore"):
        for place in range(1, step):
            fewer += channels[:, place : length * step : step]
    usable = np.where(np.abs(fewer) <= MAX_AMPLITUDE, fewer, 0)  # the comparison is False for NaN
    window, first, last = _look(length, rate / step)
    return np.fft.rfft(usable * window, axis=1)[:, first:last]


@lru_cache(8)
def _look(length: int, rate: float) -> tuple[npt.NDArray[np.float64], int, int]:
    """What ``length`` samples at ``rate`` Hz are faded in and out with, and where in their spectrum voices are."""
    first, last = (round(hertz * length / rate) for hertz in _VOICE)
    return np.hanning(length), first, last + 1


def _likeness(a: npt.NDArray[np.complex128], b: npt.NDArray[np.complex128]) -> float:
    """The correlation: -1 for opposites, 1 for the same at whatever level."""
    both = float(np.sqrt(np.sum(np.abs(a) ** 2) * np.sum(np.abs(b) ** 2)))
    return float(np.sum((a * b.conj()).real)) / both if both else 0.0
