"""What happens to speech on its way into a recording."""

import random

import numpy as np
import pytest

from model.tiny.recipe.microphones import through_a_microphone
from model.tiny.recipe.sounds import Background, babble, echoed, quick_size
from model.tiny.recipe.speech.utterance import SAMPLE_RATE

NOISE = np.asarray(0.1 * np.random.default_rng(1).standard_normal(2 * SAMPLE_RATE), np.float32)


def test_a_room_adds_its_echoes() -> None:
    response = np.zeros(500, np.float32)
    response[[0, 70, 499]] = 0.8, -0.3, 0.1
    assert np.allclose(echoed(NOISE, response), np.convolve(NOISE, response), atol=1e-5)


def test_transforms_are_of_a_size_that_holds_all_and_little_more() -> None:
    for count in (*range(1, 300), 48_000, 2_918_401):
        assert count <= quick_size(count) <= max(8, 1.25 * count)


@pytest.mark.parametrize("seed", range(30))
def test_a_microphone_keeps_length_and_level_and_has_a_band(seed: int) -> None:
    heard = through_a_microphone(NOISE, random.Random(seed))
    assert heard.shape == NOISE.shape
    assert np.isfinite(heard).all()
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(0.1, rel=0.35)  # an offset comes on top
    assert np.abs(heard - NOISE).max() > 0.01


def test_some_microphones_are_telephones() -> None:
    """Little is left above 4 kHz, which half of the noise has."""
    frequency = np.fft.rfftfreq(len(NOISE), 1 / SAMPLE_RATE)
    shares = []
    for seed in range(40):
        power = np.abs(np.fft.rfft(through_a_microphone(NOISE, random.Random(seed)))) ** 2
        shares.append(power[frequency > 4500].sum() / power[frequency > 100].sum())
    assert 3 <= sum(share < 0.06 for share in shares) <= 25
    assert max(shares) > 0.4


def test_others_are_heard_behind_speech_only_where_there_are_others() -> None:
    crowd = babble([[NOISE[:1000], NOISE[:3000]], [NOISE[500:900]]])
    assert np.sqrt(np.mean(crowd**2)) == pytest.approx(1, rel=1e-3)
    marker = np.full_like(crowd, 7.0)
    with_others, alone = Background(1, others=[marker]), Background(1)
    drawn = [with_others.noise(100, random.Random(seed))[0] == 7.0 for seed in range(60)]
    assert 0 < sum(drawn) < 30
    assert alone.room(random.Random(0)) is None
    rooms = [[marker[:10]]]
    assert Background(1, rooms).room(random.Random(0)) == rooms[0]


def test_music_is_of_many_kinds() -> None:
    """From pure tones, whose power is at one frequency, to chords that are rich in overtones."""
    background, rng, shares = Background(1), random.Random(1), []
    for _ in range(60):
        music = background.gap("[Music]", SAMPLE_RATE, rng)
        assert music is not None
        power = np.abs(np.fft.rfft(music * np.hanning(SAMPLE_RATE))) ** 2
        strongest = int(power.argmax())
        shares.append(power[max(0, strongest - 20) : strongest + 21].sum() / power.sum())
    assert min(shares) < 0.25
    assert sum(share > 0.7 for share in shares) >= 5
