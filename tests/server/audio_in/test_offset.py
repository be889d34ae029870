"""A constant offset is taken away, whatever it is and however the sound comes; sound without one stays as it is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from server.audio_in.encodings import PcmEncoding
from server.audio_in.offset import HighPass, OffsetFilter, offset_of
from server.audio_in.pcm_stream import PcmStream
from tests.server.audio_in.audio_media import Floats, Format, amplitude, assert_tones, clip_of, media, tones

TINY = Path(__file__).parents[3] / "model" / "tiny"
SPOKEN = sorted([*(TINY / "samples").glob("*.flac"), *(TINY / "heldout").glob("*.flac")])
WAV = Format("wav", "pcm_f32le")


def spoken(path: Path) -> Floats:
    samples: Floats = soundfile.read(path, dtype="float32")[0]
    return samples


def filtered(samples: Floats, sizes: list[int]) -> Floats:
    offset, edges = OffsetFilter(), [0, *np.cumsum(sizes), samples.size]
    return np.concatenate([offset.push(samples[start:end]) for start, end in pairwise(edges)])


def test_speech_without_an_offset_stays_as_it_is_to_the_bit() -> None:
    assert len(SPOKEN) > 20
    for path in SPOKEN:
        samples = spoken(path)
        assert clip_of(path.read_bytes()).samples.tobytes() == samples.tobytes()
        assert filtered(samples, [7_000] * 3).tobytes() == samples.tobytes()


@pytest.mark.parametrize("offset", [0.003, 0.01, -0.05, 0.27])
def test_an_offset_is_taken_away_from_the_first_sample_on(offset: float) -> None:
    samples = spoken(TINY / "samples" / "short.flac") / np.float32(2)
    clip = clip_of(media(WAV, 24_000, wave=(samples + np.float32(offset))[None]))
    assert abs(clip.samples.mean()) < 1e-4
    assert np.abs(clip.samples - samples).max() < 0.01


def test_an_offset_that_comes_later_is_found_then() -> None:
    quiet, offset = tones(24_000, 1), tones(24_000, 1) + np.float32(0.1)
    clip = clip_of(media(WAV, 24_000, wave=np.concatenate([quiet, offset], axis=1)))
    assert clip.samples[:48_000].tobytes() == quiet.tobytes()
    assert amplitude(clip.samples[74_400:93_600], 1_000.0) == pytest.approx(0.2, rel=0.02)
    assert abs(clip.samples[74_400:].mean()) < 1e-3


def test_each_channel_has_an_offset_of_its_own() -> None:
    wave = np.concatenate([tones(24_000, 1) + np.float32(0.2), tones(24_000, 1) - np.float32(0.1)])
    mixed = clip_of(media(WAV, 24_000, wave=wave))
    assert_tones(mixed.samples, tolerance=0.02)
    assert mixed.report.turned_seconds == 0
    assert offset_of(wave[0]) == pytest.approx(0.2, abs=1e-3)


def test_live_sound_loses_its_offset_after_a_second() -> None:
    wave = tones(16_000, 1, seconds=6.0)[0] + np.float32(0.1)
    stream = PcmStream(16_000, 1, PcmEncoding.FLOAT32)
    data = wave.tobytes()
    samples = np.concatenate([stream.push(data[at : at + 3_001])[0] for at in range(0, len(data), 3_001)])
    assert abs(samples[26_400:].mean()) < 1e-3
    assert amplitude(samples[26_400:60_000], 440.0) == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_pieces_of_any_size_give_what_the_whole_gives_to_the_bit(level: float) -> None:
    chance = np.random.default_rng(1)
    samples = (chance.standard_normal(100_000) * 0.05 + level).astype(np.float32)
    whole = filtered(samples, [])
    for _ in range(5):
        sizes = [int(size) for size in chance.integers(0, 9_000, 10)]
        assert filtered(samples, sizes).tobytes() == whole.tobytes()
    assert abs(whole[30_000:].mean()) < 1e-3


def test_the_filter_is_the_recursion_that_it_says_it_is() -> None:
    samples = np.random.default_rng(2).standard_normal(10_000).astype(np.float32)
    decay, mean, expected = np.exp(-2 * np.pi * 2.0 / 24_000), 0.5, []
    for sample in samples:
        mean = decay * mean + (1 - decay) * float(sample)
        expected.append(sample - mean)
    np.testing.assert_allclose(HighPass(0.5, 2.0).push(samples), expected, atol=1e-6)


def test_what_is_too_short_to_judge_is_left_alone() -> None:
    assert offset_of(np.full(4_000, 0.5, np.float32)) is None
    assert offset_of(np.zeros(0, np.float32)) is None
    assert offset_of(np.full(24_000, 0.5, np.float32)) == pytest.approx(0.5)
