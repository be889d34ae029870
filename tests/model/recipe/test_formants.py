"""Voices whose formants are moved."""

import numpy as np
import pytest

from model.tiny.recipe.speech.formants import with_formants
from model.tiny.recipe.speech.utterance import SAMPLE_RATE, Samples

_PITCH, _FORMANT = 100, 1_200  # hertz


def _vowel() -> Samples:
    """A second of a voice of one formant."""
    pulses = np.zeros(SAMPLE_RATE)
    pulses[:: SAMPLE_RATE // _PITCH] = 1.0
    seconds = np.arange(SAMPLE_RATE // 20) / SAMPLE_RATE
    rings = np.exp(-np.pi * 150 * seconds) * np.sin(2 * np.pi * _FORMANT * seconds)
    return np.asarray(0.1 * np.convolve(pulses, rings)[:SAMPLE_RATE], np.float32)


def test_formants_where_they_were_change_nothing() -> None:
    vowel = _vowel()
    assert np.allclose(with_formants(vowel, 1.0), vowel, atol=1e-5)


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_formants_move_and_the_pitch_stays(factor: float) -> None:
    moved = with_formants(_vowel(), factor)
    assert len(moved) == SAMPLE_RATE
    strength = np.abs(np.fft.rfft(moved))  # a value a hertz
    overtones = np.argsort(strength)[-10:]
    assert all(min(hertz % _PITCH, -hertz % _PITCH) <= 1 for hertz in overtones)
    assert strength.argmax() == pytest.approx(_FORMANT * factor, abs=_PITCH)
