"""What the model has to hear, and what is silence at the level of its recording."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from server.speech.audible import has_sound, is_worth_hearing
from tests.support.samples import TWO_SPEAKERS


def speech(loudness: float = 1.0) -> Samples:
    samples: Samples = soundfile.read(TWO_SPEAKERS, dtype="float32")[0] * np.float32(loudness)
    return samples


def noise(seconds: float, rms: float) -> Samples:
    return np.random.default_rng(3).normal(0, rms, round(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize("loudness", [1.0, 1e-3])
def test_room_tone_is_silent_and_music_is_not_however_soft_the_recording(loudness: float) -> None:
    level = clip_level(speech(loudness))
    room = noise(30, 1e-3 * loudness)
    time = np.arange(30 * SAMPLE_RATE) / SAMPLE_RATE
    music = (0.02 * loudness * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    assert not is_worth_hearing(room, level)
    assert is_worth_hearing(music, level)
    assert is_worth_hearing(np.concatenate([room, music[: SAMPLE_RATE // 1], room]), level)


def test_a_door_that_slams_is_no_sound_and_a_soft_voice_is_heard() -> None:
    level = clip_level(speech())
    slam = np.concatenate([noise(5, 1e-4), noise(0.3, 0.2), noise(90, 1e-4)])
    assert not has_sound(slam, level)
    assert not is_worth_hearing(slam, level)
    soft = speech(0.01)
    assert not has_sound(soft, level)
    assert is_worth_hearing(soft, level)


def test_nothing_is_silent() -> None:
    assert not is_worth_hearing(np.zeros(0, np.float32))
    assert not is_worth_hearing(np.zeros(100, np.float32))
