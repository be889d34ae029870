"""Everything in a recording that is not speech: background noise, babble, music, rooms, and the colour of a voice."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .speech.utterance import SAMPLE_RATE

Samples = NDArray[np.float32]

_POOL_SECONDS = 60
_SCALES = (0, 2, 4, 7, 9, 12, 14, 16), tuple(range(17))  # in semitones


def _unit(samples: NDArray[np.floating]) -> Samples:
    return np.asarray(samples / np.sqrt(np.mean(samples**2)), np.float32)


def _shaped_noise(slope: float, generator: np.random.Generator) -> Samples:
    """Noise whose power falls with frequency: slope 0 is white, 1 pink, 2 brown."""
    count = _POOL_SECONDS * SAMPLE_RATE
    spectrum = np.fft.rfft(generator.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    spectrum *= np.maximum(frequency, 40.0) ** (-slope / 2)
    spectrum[frequency < 20] = 0
    return _unit(np.fft.irfft(spectrum, count))


def _hum(generator: np.random.Generator) -> Samples:
    time = np.arange(_POOL_SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(generator.uniform(0.2, 1) / k * np.sin(2 * np.pi * 50 * k * time + k) for k in range(1, 9))
    return _unit(tones + 0.3 * generator.standard_normal(len(time)))


def _played(generator: np.random.Generator) -> Samples:
    """Some notes or chords, one after the other, of an instrument whose tones are pure or rich in overtones."""
    base, seconds = 220 * 2 ** generator.uniform(-1, 1.5), generator.uniform(0.12, 0.8)
    fall, overtones, together = generator.uniform(1, 2.5), generator.integers(1, 6), generator.integers(1, 5)
    decay, scale = generator.choice((0.0, 0.5, 3.0, 8.0)), _SCALES[generator.integers(len(_SCALES))]
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    parts: list[NDArray[np.floating]] = []
    for _ in range(generator.integers(4, 16)):
        notes = base * 2 ** (generator.choice(scale, together, replace=False) / 12)
        tones = [np.sin(2 * np.pi * note * k * time) / k**fall for note in notes for k in range(1, 1 + overtones)]
        parts.append(np.sum(tones, axis=0) * np.exp(-time * decay))
    return _unit(np.concatenate(parts))


def _music(generator: np.random.Generator) -> Samples:
    """Chords, melodies and single tones, every few seconds of another instrument."""
    count = _POOL_SECONDS * SAMPLE_RATE
    parts: list[Samples] = []
    while sum(len(part) for part in parts) < count:
        parts.append(_played(generator))
    return _unit(np.concatenate(parts)[:count])


class Background:
    """Pools of noise and music, made once; recordings take random stretches of them.

    Attributes:
        rooms: of each room the impulse responses of several places.
        others: further backgrounds of level 1, such as babble.
    """

    def __init__(self, seed: int, rooms: Sequence[list[Samples]] = (), others: Sequence[Samples] = ()) -> None:
        generator = np.random.default_rng(seed)
        self._noises = [_shaped_noise(slope, generator) for slope in (0, 0.6, 1, 1.5, 2)] + [_hum(generator)]
        self._music = [_music(generator) for _ in range(3)]
        self._rooms, self._others = rooms, [*others, *(self._music if others else ())]

    def room(self, rng: random.Random) -> list[Samples] | None:
        """Impulse responses of some places in one room, if there are rooms."""
        return rng.choice(self._rooms) if self._rooms else None

    @staticmethod
    def _stretch(pool: list[Samples], count: int, rng: random.Random) -> Samples:
        source = rng.choice(pool)
        offset = rng.randrange(len(source))
        if offset + count <= len(source):
            return source[offset : offset + count]
        return np.take(source, np.arange(offset, offset + count), mode="wrap")

    def noise(self, count: int, rng: random.Random) -> Samples:
        """Background noise of level 1."""
        others = bool(self._others) and rng.random() < 0.35
        return self._stretch(self._others if others else self._noises, count, rng)

    def gap(self, tag: str, count: int, rng: random.Random) -> Samples | None:
        """What is heard in a long gap, at about the level of speech; None for silence."""
        if tag == "[Silence]":
            return None
        pool = self._noises if tag == "[Noise]" else self._music
        fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / 1200).astype(np.float32)
        return self._stretch(pool, count, rng) * fade * np.float32(0.1 * 10 ** (rng.uniform(-6, 3) / 20))


def babble(voices: Sequence[Sequence[Samples]]) -> Samples:
    """Several people who talk at the same time, each from his own words: level 1."""
    count = _POOL_SECONDS * SAMPLE_RATE
    return _unit(np.sum([np.resize(np.concatenate(list(words)), count) for words in voices], axis=0))


def quick_size(count: int) -> int:
    """The next length of which transforms are quick: four to eight times a power of two."""
    power = max(0, (count - 1).bit_length() - 3)
    return -(-count >> power) << power


def echoed(samples: Samples, response: Samples) -> Samples:
    """In a room with this impulse response, whose first sample is the direct sound: longer by the response."""
    count = len(samples) + len(response) - 1
    size = quick_size(count)
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[:count]
    return np.asarray(heard, np.float32)


def tilted(samples: Samples, amount: float) -> Samples:
    """More treble (amount above 0) or less, as another microphone would have it."""
    changed = samples.copy()
    changed[1:] -= np.float32(amount) * samples[:-1]
    return changed / np.float32(1 + 0.5 * abs(amount))
