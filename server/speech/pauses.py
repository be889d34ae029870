"""Where nobody says a word inside of what somebody says: by energy, remembered of a recording that passes by."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from model.seam.audio import SAMPLE_RATE, Samples

_FRAME: Final = SAMPLE_RATE // 50
"""Samples: 20 ms."""
_SHORTEST: Final = 0.2
"""Seconds: shorter ones stand within words, before plosives."""
_SOFTEST: Final = -120
_UNKNOWN: Final = 1
_KNOWN: Final = 0.95
"""Of the frames, the share that has to be known: one where two blocks meet is not, and is
taken for as loud as the one before."""
_ABOVE_NOISE, _BELOW_SPEECH, _FAR_BELOW_SPEECH = 6, 15, 45
"""Decibels. A pause is hardly louder than the softest tenth of the recording and far softer than the speech around it.
What is so far below the speech is one in any case: digital silence between noisy pauses does not make those speech."""


class Pauses:
    """How loud a recording is, a byte for each 20 ms: the samples need not stay. Its level does not matter.

    A second of audio costs some hundredths of a millisecond, the pauses of a segment a tenth of one. Windows that are
    heard side by side are listened to in a thread each.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._first = 0  # frame that is remembered
        self._levels = np.full(0, _UNKNOWN, np.int8)  # dBFS of each frame
        self._counts = np.zeros(1 - _SOFTEST, np.int64)  # of the frames that are known, by level

    def hear(self, first: int, samples: Samples) -> None:
        """``samples`` ([n], mono 24 kHz) begin at number ``first`` of the recording. What was heard before stays."""
        skipped = max(-first % _FRAME, self._first * _FRAME - first)
        frames = samples[skipped:]
        frames = frames[: frames.size // _FRAME * _FRAME].reshape(-1, _FRAME)
        begin = (first + skipped) // _FRAME - self._first
        end = begin + len(frames)
        with self._lock:
            if end > self._levels.size:
                more = np.full(max(end, 2 * self._levels.size) - self._levels.size, _UNKNOWN, np.int8)
                self._levels = np.concatenate((self._levels, more))
            new = begin + np.flatnonzero(self._levels[begin:end] == _UNKNOWN)
        if new.size:
            levels = _decibels(frames if new.size == len(frames) else frames[new - begin])
            with self._lock:
                still = self._levels[new] == _UNKNOWN
                self._levels[new[still]] = levels[still]
                self._counts += np.bincount(-levels[still].astype(np.int64), minlength=self._counts.size)

    def forget(self, before: int) -> None:
        """What is in front of sample number ``before`` is not asked for any more. Not while others are listening."""
        frames = before // _FRAME - self._first
        if frames > 0:
            with self._lock:
                self._levels = self._levels[frames:].copy()
                self._first += frames

    def within(self, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """Those between two times in seconds, in order; none where it is not known how loud it was."""
        first, last = (round(time * SAMPLE_RATE / _FRAME) - self._first for time in (start, end))
        levels = self._levels[max(first, 0) : max(last, 0)].copy()
        holes = np.flatnonzero(levels == _UNKNOWN)
        if levels.size - holes.size < max(1, _KNOWN * (last - first)):
            return ()
        levels[holes] = levels[np.maximum(holes - 1, 0)]
        edges = np.flatnonzero(np.diff(np.concatenate(([False], levels <= self._threshold(levels), [False]))))
        before = self._first + max(first, 0)
        spans = ((before + int(a), before + int(b)) for a, b in edges.reshape(-1, 2))
        seconds = _FRAME / SAMPLE_RATE
        return tuple((a * seconds, b * seconds) for a, b in spans if (b - a) * seconds >= _SHORTEST - 1e-9)

    def loudest(self, start: float, end: float, parts: int) -> tuple[int, ...]:
        """How loud each of so many equal parts between two times in seconds is where it is loudest, in dBFS.

        What is not known is taken for silence; nothing where nothing is known.
        """
        first, last = (time * SAMPLE_RATE / _FRAME - self._first for time in (start, end))
        levels = np.where(self._levels == _UNKNOWN, _SOFTEST, self._levels)
        spans = ((max(floor(a), 0), max(ceil(b), 0)) for a, b in pairwise(np.linspace(first, last, parts + 1).tolist()))
        found = [int(levels[a:b].max(initial=_SOFTEST)) for a, b in spans]
        return tuple(found) if max(found) > _SOFTEST else ()

    def _threshold(self, levels: npt.NDArray[np.int8]) -> float:
        """At which level a frame among these is no speech."""
        speech = float(np.quantile(levels, 0.9))
        reached = np.cumsum(self._counts[::-1])
        noise = _SOFTEST + int(np.searchsorted(reached, 0.1 * reached[-1]))
        return max(speech - _FAR_BELOW_SPEECH, min(noise + _ABOVE_NOISE, speech - _BELOW_SPEECH))


def _decibels(frames: Samples) -> npt.NDArray[np.int8]:
    power = np.einsum("ij,ij->i", frames, frames) / _FRAME
    return np.asarray(np.clip(np.round(10 * np.log10(power + 1e-12)), _SOFTEST, 0), np.int8)
