"""Raw PCM from live clients, however it is cut."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.audio_in.encodings import PcmEncoding
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.pcm import Resampler
from server.audio_in.pcm_stream import PcmStream
from tests.server.audio_in.audio_media import Floats, assert_tones, clip_of, tones


def converted(stream: PcmStream, pieces: list[bytes]) -> Floats:
    mono: Floats
    (mono,) = np.concatenate([*(stream.push(piece) for piece in pieces), stream.flush()], axis=1)
    return mono


def encoded(wave: Floats, encoding: PcmEncoding) -> bytes:
    interleaved = wave.T
    if encoding == PcmEncoding.FLOAT32:
        return interleaved.astype("<f4").tobytes()
    return (interleaved * 32767).round().astype("<i2").tobytes()


@pytest.mark.parametrize("encoding", [PcmEncoding.LINEAR16, PcmEncoding.FLOAT32])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_live_audio_has_the_right_tones(rate: int, channels: int, encoding: PcmEncoding) -> None:
    data = encoded(tones(rate, channels), encoding)
    step = rate * channels // 50 + 1
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    assert_tones(converted(PcmStream(rate, channels, encoding), pieces), tolerance=0.01)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from([8_000, 16_000, 24_000, 44_100, 48_000]),
    st.sampled_from([1, 2]),
    st.lists(st.integers(0, 16_000), max_size=30),
)
def test_any_split_equals_the_whole(rate: int, channels: int, cuts: list[int]) -> None:
    data = encoded(tones(rate, channels, seconds=0.2), PcmEncoding.LINEAR16)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    whole = converted(PcmStream(rate, channels, PcmEncoding.LINEAR16), [data])
    split = converted(PcmStream(rate, channels, PcmEncoding.LINEAR16), pieces)
    assert len(split) == len(whole) == 4_800
    np.testing.assert_allclose(split, whole, atol=1e-6)


@pytest.mark.parametrize(("encoding", "tag"), [(PcmEncoding.ALAW, 6), (PcmEncoding.MULAW, 7)])
def test_g711_codes_mean_what_they_mean_in_a_wav_file(encoding: PcmEncoding, tag: int) -> None:
    codes = bytes(range(256)) * 4
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 1024, b"WAVE", b"fmt ", 16, tag, 1, 24_000, 24_000, 1, 8, b"data", 1024
    )
    assert np.array_equal(converted(PcmStream(24_000, 1, encoding), [codes]), clip_of(header + codes).samples)


def test_flush_drops_half_a_sample_and_begins_afresh() -> None:
    data = encoded(tones(16_000, 1, seconds=0.2), PcmEncoding.LINEAR16)
    stream = PcmStream(16_000, 1, PcmEncoding.LINEAR16)
    first = converted(stream, [data, b"\x7f"])
    assert np.array_equal(converted(stream, [data]), first)


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100])
def test_drain_gives_everything_and_keeps_half_a_sample(rate: int) -> None:
    data = encoded(tones(rate, 1, seconds=0.2), PcmEncoding.LINEAR16)
    stream = PcmStream(rate, 1, PcmEncoding.LINEAR16)
    (samples,) = np.concatenate([stream.push(data + data[:1]), stream.drain()], axis=1)
    assert len(samples) == 4_800
    (again,) = np.concatenate([stream.push(data[1:]), stream.drain()], axis=1)
    np.testing.assert_allclose(again, samples, atol=1e-6)


def test_infinite_samples_do_not_spoil_what_follows() -> None:
    wave = tones(16_000, 1)
    wave[0, 8_000] = np.inf
    samples = converted(PcmStream(16_000, 1, PcmEncoding.FLOAT32), [encoded(wave, PcmEncoding.FLOAT32)])
    assert_tones(samples, tolerance=0.01)


@pytest.mark.parametrize(("rate", "channels"), [(1, 1), (3_999, 1), (200_000, 1), (16_000, 0), (16_000, 9)])
def test_rates_and_channels_out_of_range_are_refused(rate: int, channels: int) -> None:
    with pytest.raises(AudioError) as caught:
        PcmStream(rate, channels, PcmEncoding.LINEAR16)
    assert caught.value.code == AudioErrorCode.UNSUPPORTED_FORMAT


def test_resampling_does_not_alias() -> None:
    time = np.arange(96_000) / 48_000
    above_nyquist = np.sin(2 * np.pi * 15_000 * time).astype(np.float32)
    resampler = Resampler(48_000)
    samples = np.concatenate([resampler.push(above_nyquist), resampler.flush()])
    assert np.abs(samples[2_400:-2_400]).max() < 1e-3


@pytest.mark.parametrize("encoding", [PcmEncoding.LINEAR16, PcmEncoding.FLOAT32])
@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100])
def test_channels_that_are_split_are_what_each_is_alone(rate: int, encoding: PcmEncoding) -> None:
    wave = tones(rate, 2)
    data, step = encoded(wave, encoding), 997
    stream = PcmStream(rate, 2, encoding, split=True)
    pieces = [stream.push(data[at : at + step]) for at in range(0, len(data), step)]
    both = np.concatenate([*pieces, stream.flush()], axis=1)
    for number in range(2):
        alone = converted(PcmStream(rate, 1, encoding), [encoded(wave[number : number + 1], encoding)])
        np.testing.assert_allclose(both[number], alone, atol=1e-6)
