"""The level of a clip: the processor's to the bit, and no second recording in memory to find it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from model.seam import audio
from model.seam.audio import TARGET_DBFS, Level, Samples, clip_level


def noise(samples: int, loudness: float) -> Samples:
    return (np.random.default_rng(samples).standard_normal(samples) * loudness).astype(np.float32)


def level_at_once(samples: Samples) -> Level:
    """The rule as Transformers' feature extractor writes it."""
    eps = 1e-6
    rms = np.sqrt(np.mean(np.square(samples), dtype=np.float64))
    gain = float(10 ** (TARGET_DBFS / 20) / (rms + eps))
    peak = float(np.max(np.abs(samples))) * gain
    return Level(gain, peak + eps if peak > 1.0 else 1.0)


@pytest.mark.parametrize("loudness", [1e-4, 0.1, 3.0])
@pytest.mark.parametrize("beyond", [-audio.LEVEL_SLICE + 1, -1, 0, 1, 8191, 8192, 8193, 2 * audio.LEVEL_SLICE + 777])
def test_slices_add_up_to_the_bit(beyond: int, loudness: float) -> None:
    samples = noise(audio.LEVEL_SLICE + beyond, loudness)
    assert clip_level(samples) == level_at_once(samples)


def test_a_loud_moment_is_found_wherever_it_is_and_whichever_way_it_goes() -> None:
    for at, peak in ((0, 0.9), (-1, -0.9), (audio.LEVEL_SLICE, -0.9)):
        samples = noise(2 * audio.LEVEL_SLICE, 1e-3)
        samples[at] = peak
        assert clip_level(samples) == level_at_once(samples)
        assert clip_level(samples).divisor > 1.0


def test_silence_and_nothing_have_a_level() -> None:
    assert clip_level(np.zeros(0, np.float32)) == Level()
    assert np.isfinite(clip_level(np.zeros(10, np.float32)).gain)


def test_no_copy_of_the_recording_is_made() -> None:
    samples = noise(12 * audio.LEVEL_SLICE, 0.1)
    tracemalloc.start()
    try:
        clip_level(samples)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * audio.LEVEL_SLICE * samples.itemsize
