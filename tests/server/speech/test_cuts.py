"""Where recordings are cut, and how long the windows are that come of it."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Level, Samples, clip_level
from server.recordings.windowed.windowing import first_window, next_begin, overlap_of, seen
from server.speech.cuts import best_cut, next_pause
from server.speech.voiced import has_speech, has_voice
from tests.support.samples import SHORT, TWO_SPEAKERS

SECOND = SAMPLE_RATE


def talk(seconds: float, pauses: list[tuple[float, float]], noise: float = 1e-4) -> Samples:
    """Loud but in the pauses, which are from one second to another."""
    generator = np.random.default_rng(0)
    samples = generator.standard_normal(round(seconds * SECOND)) * 0.1
    for start, end in pauses:
        samples[round(start * SECOND) : round(end * SECOND)] *= noise * 10
    return samples.astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-2], ids=["digital silence", "a quiet room", "a loud one"])
def test_the_longest_pause_is_cut_in_its_middle(noise: float) -> None:
    samples = talk(30.0, [(5.0, 5.5), (12.0, 13.0), (20.0, 20.4)], noise)
    found = best_cut(samples, 0, samples.size)
    assert found.silent
    assert found.at / SECOND == pytest.approx(12.5, abs=0.1)


def test_of_two_alike_the_later_one_is_taken() -> None:
    samples = talk(30.0, [(5.0, 5.6), (25.0, 25.6)])
    assert best_cut(samples, 0, samples.size).at / SECOND == pytest.approx(25.3, abs=0.1)


def cut(samples: Samples, longest: int, length: int) -> list[int]:
    """Where windows end of what says that it is so long, each told no more than it has to see."""
    ends: list[int] = []
    start = 0
    while start < samples.size:
        start += first_window(samples[start : start + seen(longest)], Level(), longest, length - start).at
        ends.append(start)
    return ends


@pytest.mark.parametrize("length", [61, 74, 76, 119, 130, 179, 181, 244, 256])
@pytest.mark.parametrize("says", [0.0, 0.7, 1.0, 1.3], ids=["untold", "too short", "true", "too long"])
def test_no_window_is_too_long_and_none_is_a_few_seconds(length: int, says: float) -> None:
    samples = talk(length, [(at, at + 0.5) for at in range(3, length, 7)])
    ends = cut(samples, 60 * SECOND, round(says * samples.size))
    lengths = [(end - start) / SECOND for start, end in pairwise([0, *ends])]
    assert ends[-1] == samples.size
    assert max(lengths) <= 60
    assert min(lengths) >= (24 if says == 1.0 else 9)
    if says == 1.0:
        assert len(ends) <= ceil(length / 60) + 1


def test_overlapping_windows_overlap_a_little() -> None:
    window = talk(60.0, [(at, at + 0.5) for at in range(3, 60, 7)])
    begin = next_begin(window, Level(), window.size)
    assert 0 < window.size - begin <= overlap_of(window.size)


@pytest.mark.parametrize("path", [SHORT, TWO_SPEAKERS], ids=["one", "two"])
def test_people_have_voices(path: Path) -> None:
    assert has_voice(soundfile.read(path, dtype="float32")[0])


def test_a_soft_recording_has_them_at_its_level() -> None:
    samples = soundfile.read(TWO_SPEAKERS, dtype="float32")[0] * np.float32(1e-4)
    assert has_voice(samples, clip_level(samples))
    pause = talk(60, [(40.0, 41.0)]) * np.float32(1e-4)
    found = best_cut(pause, 0, pause.size, clip_level(pause))
    assert found.silent
    assert found.at / SECOND == pytest.approx(40.5, abs=0.1)


def test_what_begins_suddenly_says_nothing() -> None:
    tone = (0.1 * np.sin(2 * np.pi * 220 * np.arange(30 * SECOND) / SECOND)).astype(np.float32)
    assert not has_speech(tone)
    assert has_speech(soundfile.read(SHORT, dtype="float32")[0])


def test_silence_and_noise_have_none() -> None:
    assert not has_voice(np.zeros(60 * SECOND, np.float32))
    hum = 0.05 * np.sin(np.arange(20 * SECOND, dtype=np.float32) * np.float32(2 * np.pi * 50 / SECOND))
    assert not has_voice(hum.astype(np.float32))


def test_the_next_pause_is_the_one_that_somebody_is_in_or_comes_to() -> None:
    samples = talk(6.0, [(3.0, 4.0)])
    assert next_pause(samples, SECOND) == pytest.approx(3.5 * SECOND, abs=SECOND / 25)
    assert next_pause(samples, round(3.4 * SECOND)) == pytest.approx(3.7 * SECOND, abs=SECOND / 25)
    assert next_pause(samples, round(4.5 * SECOND)) is None
    assert next_pause(samples[:0], 0) is None
