"""What microphones and lines do to a recording: band limits, resonances, telephones, clipping."""

import math
import random

import numpy as np
from numpy.typing import NDArray

from .sounds import Samples, quick_size
from .speech.utterance import SAMPLE_RATE

_MU = 255


def through_a_microphone(samples: Samples, rng: random.Random) -> Samples:
    """As one of many kinds of equipment hands it over, at about the same level."""
    level = float(np.sqrt(np.mean(samples**2))) + 1e-9
    low, high = rng.uniform(20, 150), rng.choice((3_700, 5_500, 7_800, 7_800, 11_000))
    telephone = rng.random() < 0.2
    if telephone:
        low, high = rng.uniform(200, 350), 3_400
    heard = _filtered(samples, low, high * rng.uniform(0.9, 1.0), rng)
    if telephone:
        heard = _companded(heard)
    if rng.random() < 0.15:
        heard = _clipped(heard, rng)
    if rng.random() < 0.1:
        heard = heard + np.float32(level * rng.uniform(-0.3, 0.3))  # an offset
    return np.asarray(heard * (level / (float(np.sqrt(np.mean(heard**2))) + 1e-9)), np.float32)


def _filtered(samples: Samples, low: float, high: float, rng: random.Random) -> Samples:
    """Within a band whose inside is not quite even."""
    count = quick_size(len(samples) + SAMPLE_RATE // 4)
    frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE).astype(np.float32)
    gain = 1 / np.sqrt(1 + (low / np.maximum(frequency, 1)) ** 4) / np.sqrt(1 + (frequency / high) ** 16)
    octaves = np.log2(np.maximum(frequency, 30) / 1000)
    decibels: NDArray[np.floating] = rng.uniform(-2.5, 2.5) * np.clip(octaves, -3, 3)
    for _ in range(rng.randint(0, 3)):
        centre, width = math.log2(rng.uniform(150, 6_000) / 1000), rng.uniform(0.15, 0.8)
        decibels = decibels + rng.uniform(-9, 9) * np.exp(-(((octaves - centre) / width) ** 2))
    shaped = np.fft.irfft(np.fft.rfft(samples, count) * gain * 10 ** (decibels / 20), count)[: len(samples)]
    return np.asarray(shaped, np.float32)


def _companded(samples: Samples) -> Samples:
    """Through eight bits of mu-law, as telephones send."""
    peak = float(np.abs(samples).max()) + 1e-9
    x = samples / peak
    coded = np.round(np.sign(x) * np.log1p(_MU * np.abs(x)) / math.log1p(_MU) * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * math.log1p(_MU)) / _MU * peak, np.float32)


def _clipped(samples: Samples, rng: random.Random) -> Samples:
    limit = float(np.quantile(np.abs(samples[:: max(1, len(samples) // 20_000)]), rng.uniform(0.97, 0.998))) + 1e-9
    return np.clip(samples, -limit, limit)
