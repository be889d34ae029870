"""Talks that sound like speech to a voice detector, and whose turns a script finds again wherever they come to stand.

Every turn is recorded speech with a tone of its own above it. So a turn is known in any window, behind somebody's voice
of long ago, on one channel of two, at any level, with silence taken out around it.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from tests.support.samples import TWO_SPEAKERS

PAUSE = 0.6
"""Seconds of silence in front of every turn, and behind the last."""
_LOWEST, _STEP, _TONES = 8_000, 40, 85
"""Hertz of the first turn's tone, and between one and the next."""
_FRAME = SAMPLE_RATE // _STEP * 2
"""Samples in which tones are told apart."""
_TONE = 0.02
_BLUR = 0.15
"""Seconds: a turn that lacks no more is whole."""


class Said(NamedTuple):
    """One turn of a talk. Nobody speaks where there is no ``speaker``: it is music, and the text a tag."""

    speaker: int | None
    text: str
    seconds: float = 2.0


class Heard(NamedTuple):
    """A turn that is found in some audio: the place in its talk, and from when to when in the audio's seconds."""

    turn: int
    start: float
    end: float


def audio_of(talk: Sequence[Said]) -> Samples:
    """The talk's sound, 24 kHz mono: its turns with pauses around them."""
    assert len(talk) <= _TONES
    pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    return np.concatenate([*itertools.chain.from_iterable((pause, _turn(n, one)) for n, one in enumerate(talk)), pause])


def wav_of(samples: Samples) -> bytes:
    """A WAV file of [samples] or [samples, channels]."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def heard_in(samples: Samples, talk: Sequence[Said]) -> list[Heard]:
    """The whole turns of ``talk`` in this audio, in order of time."""
    frames = samples[: samples.size // (_FRAME // 2) * (_FRAME // 2)]
    if frames.size < _FRAME:
        return []
    pieces = np.lib.stride_tricks.sliding_window_view(frames, _FRAME)[:: _FRAME // 2]
    spectrum = np.abs(np.fft.rfft(pieces * np.hanning(_FRAME), axis=1))
    band = spectrum[:, _bin(0) : _bin(_TONES) : 2]
    loudest = band.argmax(axis=1)
    numbers = np.where(band.max(axis=1) > 0.1 * _TONE * _FRAME / 4, loudest, -1)
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), numbers.size]
    seconds = _FRAME / 2 / SAMPLE_RATE
    runs = (
        Heard(int(numbers[first]), (first + 0.5) * seconds, (end + 0.5) * seconds)
        for first, end in itertools.pairwise(edges)
    )
    return [run for run in runs if 0 <= run.turn < len(talk) and run.end - run.start > talk[run.turn].seconds - _BLUR]


def _turn(number: int, said: Said) -> Samples:
    time = np.arange(round(said.seconds * SAMPLE_RATE))
    sound = _music(time) if said.speaker is None else np.take(_speech(), time + number * 7_001, mode="wrap")
    tone = _TONE * np.sin(2 * np.pi * (_LOWEST + number * _STEP) * time / SAMPLE_RATE)
    return np.asarray(sound + tone, np.float32)


def _music(time: npt.NDArray[np.int64]) -> Samples:
    """A chord that is struck twice a second."""
    seconds = time / SAMPLE_RATE
    notes = np.sum([np.sin(2 * np.pi * 220 * ratio * seconds) for ratio in (1, 1.25, 1.5)], axis=0)
    return np.asarray(0.1 * notes * np.exp(-2 * (seconds * 2 % 1)), np.float32)


@cache
def _speech() -> Samples:
    """Of a person, without pauses longer than a breath and without anything where the tones are."""
    samples, _ = soundfile.read(TWO_SPEAKERS, dtype="float32")
    spectrum = np.fft.rfft(samples)
    spectrum[round(7_000 * samples.size / SAMPLE_RATE) :] = 0
    low = np.fft.irfft(spectrum, samples.size)
    window = SAMPLE_RATE // 20
    energy = (low[: low.size // window * window] ** 2).reshape(-1, window).mean(axis=1)
    loud = low[: energy.size * window].reshape(-1, window)[energy > energy.max() / 1000].ravel()
    return np.asarray(loud * (0.1 / np.sqrt(np.mean(loud**2))), np.float32)


def _bin(turn: int) -> int:
    return (_LOWEST + turn * _STEP) * _FRAME // SAMPLE_RATE
