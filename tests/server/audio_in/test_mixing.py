"""What is said in any channel is still there in the mix."""

from __future__ import annotations

import numpy as np
import pytest

from server.audio_in.encodings import PcmEncoding
from server.audio_in.mixing import LiveMixer, Mixer
from server.audio_in.pcm_stream import PcmStream
from tests.server.audio_in.audio_media import Floats, Format, amplitude, assert_tones, clip_of, media, silence, tones

WAV = Format("wav", "pcm_s16le")
VOICE = tones(16_000, 1)[0]
NOTHING = np.zeros_like(VOICE)
TURNED = "would have cancelled each other"


def heard(*channels: Floats, rate: int = 16_000) -> tuple[Floats, tuple[str, ...]]:
    clip = clip_of(media(WAV, rate, wave=np.stack(channels).astype(np.float32)))
    return clip.samples, clip.report.notes


def sine(hertz: float, level: float, rate: int = 16_000) -> Floats:
    wave: Floats = (level * np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate)).astype(np.float32)
    return wave


@pytest.mark.parametrize("gain", [-1.0, -0.6])
def test_a_channel_that_is_turned_upside_down_cancels_nothing(gain: float) -> None:
    samples, notes = heard(VOICE, gain * VOICE)
    assert_tones(samples / ((1 - gain) / 2), tolerance=0.02)
    assert len(notes) == 1
    assert TURNED in notes[0]


def test_opposites_among_six_channels() -> None:
    samples, notes = heard(VOICE, -VOICE, NOTHING, NOTHING, VOICE, -VOICE)
    assert_tones(samples * 1.5, tolerance=0.02)
    assert TURNED in notes[0]


def test_a_stretch_of_a_recording_may_be_turned() -> None:
    half = np.where(np.arange(VOICE.size) < VOICE.size // 2, 1, -1).astype(np.float32)
    samples, notes = heard(VOICE, half * VOICE)
    assert amplitude(samples[2_400:21_600], 440.0) == pytest.approx(0.2, rel=0.02)
    assert amplitude(samples[27_000:45_600], 1_000.0) == pytest.approx(0.2, rel=0.02)
    assert "In 1.0 s of the audio" in notes[0]
    assert np.abs(np.diff(samples)).max() < 0.1  # nothing clicks


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        (VOICE, VOICE, 1.0),
        (VOICE, NOTHING, 0.5),
        (NOTHING, VOICE, 0.5),
        (VOICE, NOTHING + np.float32(0.3), 0.5),
        (VOICE + np.float32(0.3), VOICE - np.float32(0.3), 1.0),
        (VOICE + sine(50, 0.4), VOICE - sine(50, 0.4), 1.0),
        (VOICE, sine(700, 0.01), 0.5),
    ],
    ids=["the same", "left", "right", "offset alone", "opposite offsets", "opposite hum", "another voice"],
)
def test_channels_that_do_not_cancel_are_added_as_they_are(left: Floats, right: Floats, level: float) -> None:
    samples, notes = heard(left, right)
    assert_tones(samples / np.float32(level), tolerance=0.07)
    assert notes == ()


def test_ordinary_stereo_is_its_mean_to_the_bit() -> None:
    chance = np.random.default_rng(1)
    room = chance.standard_normal((2, 64_000)).astype(np.float32) * np.float32(0.05)
    wave = (np.stack([VOICE, np.float32(0.5) * VOICE]) + room[:, : VOICE.size]).astype(np.float32)
    clip = clip_of(media(Format("wav", "pcm_f32le"), 24_000, wave=wave))
    assert clip.samples.tobytes() == ((wave[0] + wave[1]) / np.float32(2)).tobytes()


def test_a_voice_in_the_centre_of_surround_sound_is_there() -> None:
    noise = np.random.default_rng(2).standard_normal((5, VOICE.size)).astype(np.float32) * np.float32(0.003)
    samples, _ = heard(noise[0], noise[1], VOICE, noise[2], noise[3], noise[4])
    assert_tones(samples * 6, tolerance=0.1)


def test_silence_and_invalid_samples_decide_nothing() -> None:
    mixer = Mixer(16_000)
    broken = np.stack([VOICE, VOICE])
    broken[1, 100:200] = np.nan
    broken[0, 300] = np.inf
    mixer.mix(np.concatenate([silence(16_000, 0.5)] * 2))
    mixer.mix(broken)
    mixer.mix(broken[:, :3])
    assert mixer.turned_seconds == 0


def test_live_a_channel_that_is_turned_cancels_nothing_but_at_the_very_beginning() -> None:
    mixed = LiveMixer(16_000).mix(np.stack([VOICE, -VOICE]))
    assert np.abs(mixed[:4_000]).max() == 0
    settled = mixed[4_160:]
    np.testing.assert_array_equal(np.abs(settled), np.abs(VOICE[4_160:]))


def test_live_pieces_of_any_size_are_mixed_like_the_whole() -> None:
    half = np.where(np.arange(VOICE.size) < VOICE.size // 2, 1, -1).astype(np.float32)
    channels = np.stack([VOICE, half * VOICE, np.float32(0.1) * VOICE])
    whole = LiveMixer(16_000).mix(channels)
    cuts = np.sort(np.random.default_rng(3).integers(0, VOICE.size, 60))
    mixer = LiveMixer(16_000)
    pieces = [mixer.mix(piece) for piece in np.split(channels, cuts, axis=1)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert np.abs(whole[-8_000:]).max() > 0.1  # what was turned half-way is still heard


def test_live_ordinary_stereo_is_its_mean_to_the_bit() -> None:
    channels = np.stack([VOICE, np.float32(0.5) * VOICE])
    mixed = LiveMixer(16_000).mix(channels)
    assert mixed.tobytes() == ((channels[0] + channels[1]) / np.float32(2)).tobytes()


def test_live_raw_stereo_of_opposites_is_heard() -> None:
    stream = PcmStream(16_000, 2, PcmEncoding.FLOAT32)
    samples = stream.push(np.stack([VOICE, -VOICE], axis=1).astype("<f4").tobytes())
    assert np.abs(samples[0, 12_000:]).max() > 0.1
