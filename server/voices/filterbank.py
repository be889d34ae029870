"""Log-mel filter banks as Kaldi's ``compute-fbank-feats`` makes them: what many networks for voices hear.

Frames of 25 ms every 10 ms that lie in the audio as a whole, their mean taken out, pre-emphasis 0.97, Povey's window,
512 points, 80 bands of the power spectrum from 20 Hz to 8 kHz; no dither. Each band's mean over the clip is taken out
as well, so that level and microphone matter less: the projects whose files take this (WeSpeaker, 3D-Speaker) do it too.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

BANDS: Final = 80
_RATE, _WINDOW, _HOP, _POINTS = 16_000, 400, 160, 512
_LOWEST, _HIGHEST = 20.0, 8000.0
_PREEMPHASIS = 0.97
_FULL_SCALE: Final = np.float32(32768)
"""Kaldi hears 16-bit samples."""
_EPSILON = float(np.finfo(np.float32).eps)

Features = npt.NDArray[np.float32]


def features(samples: npt.NDArray[np.float32]) -> Features:
    """[frames, 80] of ``samples`` ([n], 16 kHz, n at least 400)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples * _FULL_SCALE, _WINDOW)[::_HOP].astype(np.float64)
    frames -= frames.mean(axis=1, keepdims=True)
    frames[:, 1:] -= _PREEMPHASIS * frames[:, :-1]
    frames[:, 0] -= _PREEMPHASIS * frames[:, 0]
    power = np.abs(np.fft.rfft(frames * _window(), _POINTS)) ** 2
    bands = np.log(np.maximum(power @ _filters(), _EPSILON))
    return np.asarray(bands - bands.mean(axis=0), np.float32)


@cache
def _window() -> npt.NDArray[np.float64]:
    return np.asarray(np.hanning(_WINDOW) ** 0.85)


@cache
def _filters() -> npt.NDArray[np.float64]:
    """[points / 2 + 1, 80]: triangles on the mel scale."""
    edges = np.linspace(_mel(_LOWEST), _mel(_HIGHEST), BANDS + 2)
    points = _mel(np.linspace(0, _RATE / 2, _POINTS // 2 + 1))[:, np.newaxis]
    rising = (points - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - points) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _mel(hertz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(np.asarray(hertz) / 700))
