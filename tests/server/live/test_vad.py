"""The packaged detector on real recordings: what it hears, at which level, in which pieces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.speech.detector import SpeechDetector
from tests.support.samples import TWO_SPEAKERS, truth


def recording() -> Samples:
    samples, rate = soundfile.read(TWO_SPEAKERS, dtype="float32")
    assert rate == SAMPLE_RATE
    found: Samples = samples
    return found


def probabilities(samples: Samples, *, step: int | None = None) -> list[float]:
    detector = SpeechDetector()
    step = step or samples.size
    return [
        probability
        for start in range(0, samples.size, step)
        for probability in detector.probabilities(samples[start : start + step])
    ]


def spoken(frames: int) -> npt.NDArray[np.bool_]:
    """Which frames of the recording lie in a turn."""
    middle = (np.arange(frames) + 0.5) * SpeechDetector.FRAME
    found = np.zeros(frames, np.bool_)
    for turn in truth(TWO_SPEAKERS):
        found |= (turn["Start"] <= middle) & (middle < turn["End"])
    return found


@pytest.mark.parametrize("level", [-15.0, -35.0, -50.0])
def test_finds_speech_where_it_is_at_every_level(level: float) -> None:
    samples = recording()
    samples *= np.float32(10 ** (level / 20)) / np.sqrt(np.mean(samples**2))
    found = np.array(probabilities(samples)) >= 0.5
    expected = spoken(found.size)
    assert found[expected].mean() > 0.9
    assert found[~expected].mean() < 0.25


@pytest.mark.parametrize("level", [-90.0, -50.0, -20.0])
def test_noise_is_no_speech(level: float) -> None:
    noise = np.random.default_rng(7).standard_normal(5 * SAMPLE_RATE) * 10 ** (level / 20)
    assert max(probabilities(noise.astype(np.float32))) < 0.3


def test_silence_is_no_speech() -> None:
    assert max(probabilities(np.zeros(5 * SAMPLE_RATE, np.float32))) < 0.1


def test_a_frame_stands_for_its_seconds_of_audio() -> None:
    samples = recording()
    seconds = samples.size / SAMPLE_RATE
    frames = len(probabilities(samples, step=480))
    assert 0 <= seconds - frames * SpeechDetector.FRAME < 2 * SpeechDetector.FRAME


@pytest.mark.parametrize("step", [1_000, 7_777])
def test_pieces_say_what_the_whole_says(step: int) -> None:
    samples = recording()[: 4 * SAMPLE_RATE]
    whole, pieces = probabilities(samples), probabilities(samples, step=step)
    assert len(pieces) in (len(whole), len(whole) - 1)
    assert pieces == pytest.approx(whole[: len(pieces)], abs=1e-3)


def test_detectors_do_not_hear_each_other() -> None:
    samples = recording()[: 3 * SAMPLE_RATE]
    one, other = SpeechDetector(), SpeechDetector()
    found = []
    for start in range(0, samples.size, 4_800):
        found += one.probabilities(samples[start : start + 4_800])
        other.probabilities(samples[::-1].copy()[start : start + 4_800])
    assert found == probabilities(samples, step=4_800)


def test_damaged_loudness_does_not_spoil_what_follows() -> None:
    samples = recording()
    burst = np.full(SAMPLE_RATE, 1e6, np.float32)
    found = np.array(probabilities(np.concatenate((burst, samples))))[round(1 / SpeechDetector.FRAME) :]
    assert (found[spoken(found.size)] >= 0.5).mean() > 0.85
