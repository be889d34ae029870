"""Every format that the documentation names gives the right sound at the right level."""

from __future__ import annotations

import io
import tempfile
from typing import BinaryIO, cast

import av
import numpy as np
import pytest

from server.audio_in.report import DecodeReport
from tests.server.audio_in.audio_media import LIMITS, Format, assert_tones, clip_of, decode, media, tones

WAV = Format("wav", "pcm_s16le")
FLAC = Format("flac", "pcm_16", by_soundfile=True)
MP3 = Format("mp3", "mp3")
OPUS = Format("ogg", "libopus")
M4A = Format("ipod", "aac")

EXACT = [Format("wav", f"pcm_{kind}") for kind in ("u8", "s16le", "s24le", "s32le", "f32le", "f64le", "mulaw", "alaw")]
EXACT += [
    Format("aiff", "pcm_s16be"),
    Format("w64", "pcm_s16le"),
    Format("caf", "pcm_s16be"),
    Format("mov", "pcm_s24le"),
]
EXACT += [
    FLAC,
    Format("flac", "pcm_24", by_soundfile=True),
    Format("ipod", "alac"),
    Format("matroska", "flac"),
    Format("ogg", "flac"),
]
LOSSY = [
    MP3,
    OPUS,
    M4A,
    Format("adts", "aac"),
    Format("webm", "libopus"),
    Format("matroska", "aac"),
    Format("mov", "aac"),
]
LOSSY += [Format("ipod", "aac", options=(("movflags", "faststart"),))]
LOSSY += [Format("mp4", "aac", options=(("movflags", "frag_keyframe+empty_moov"),))]
LOSSY += [Format("mp4", "ac3"), Format("mpegts", "eac3"), Format("mpeg", "mp2"), Format("mpegts", "aac")]
LOSSY += [Format("wav", "adpcm_ms"), Format("wav", "adpcm_ima_wav"), Format("ogg", "vorbis", by_soundfile=True)]
VIDEO = [Format(container, "aac", video=True) for container in ("mp4", "mov", "matroska", "mpegts")]
VIDEO += [Format("mpeg", "mp2", video=True)]


@pytest.mark.parametrize("form", EXACT + LOSSY + VIDEO, ids=str)
@pytest.mark.parametrize("channels", [1, 2])
def test_formats(form: Format, channels: int) -> None:
    clip = clip_of(media(form, 48_000, channels))
    assert_tones(clip.samples)
    assert (clip.report.source_rate, clip.report.channels) == (48_000, channels)
    assert clip.report.notes == ()


RATES = [
    *[(WAV, rate) for rate in (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 96_000, 192_000)],
    *[(FLAC, rate) for rate in (8_000, 16_000, 24_000, 44_100, 96_000)],
    *[(MP3, rate) for rate in (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100)],
    *[(M4A, rate) for rate in (8_000, 16_000, 22_050, 44_100, 96_000)],
    *[(Format("ogg", "vorbis", by_soundfile=True), rate) for rate in (8_000, 16_000, 44_100, 96_000)],
    *[(OPUS, rate) for rate in (8_000, 16_000, 24_000)],
    (Format("wav", "gsm610", by_soundfile=True), 8_000),
]


@pytest.mark.parametrize(("form", "rate"), RATES, ids=str)
def test_sampling_rates(form: Format, rate: int) -> None:
    assert_tones(clip_of(media(form, rate)).samples)


@pytest.mark.parametrize("form", [WAV, FLAC, M4A, OPUS, Format("ogg", "vorbis", by_soundfile=True)], ids=str)
def test_surround_is_mixed_to_the_mean_of_its_channels(form: Format) -> None:
    clip = clip_of(media(form, 48_000, 6))
    assert_tones(clip.samples)
    assert clip.report.channels == 6


def test_pcm_at_24_khz_comes_out_to_the_bit() -> None:
    wave = tones(24_000, 1)
    assert np.array_equal(clip_of(media(Format("wav", "pcm_f32le"), 24_000, wave=wave)).samples, wave[0])


def test_full_scale_integers_become_full_scale_floats() -> None:
    wave = np.array([[-1.0, 1.0, -1.0, 1.0]], np.float32)
    for kind, step in (("u8", 2**-7), ("s16le", 2**-15), ("s24le", 2**-23), ("s32le", 2**-31)):
        samples = clip_of(media(Format("wav", f"pcm_{kind}"), 24_000, wave=wave)).samples
        np.testing.assert_allclose(samples, [-1, 1 - step, -1, 1 - step], atol=1e-9)


def test_the_first_of_several_audio_streams_is_taken() -> None:
    first = io.BytesIO(media(WAV, 24_000))
    second = io.BytesIO(media(WAV, 24_000, wave=np.zeros((1, 48_000), np.float32)))
    joined = io.BytesIO()
    with av.open(joined, "w", format="matroska") as output, av.open(first, "r") as a, av.open(second, "r") as b:
        streams = [output.add_stream_from_template(source.streams.audio[0]) for source in (a, b)]
        for source, stream in zip((a, b), streams, strict=True):
            for packet in source.demux():
                if packet.size:
                    packet.stream = stream
                    output.mux(packet)
    assert_tones(clip_of(joined.getvalue()).samples)


def test_a_spooled_upload_is_read_from_its_start_in_memory_and_on_disk() -> None:
    data = media(M4A, 44_100)
    for threshold in (len(data) + 1, 1):
        with tempfile.SpooledTemporaryFile(max_size=threshold) as file:
            file.write(data)
            samples = np.concatenate([mix for (mix,) in decode(cast(BinaryIO, file), LIMITS, DecodeReport())])
            assert_tones(samples)


def test_blocks_are_about_a_second_each() -> None:
    data = media(FLAC, 44_100, wave=tones(44_100, 1, seconds=10))
    sizes = [block.size for (block,) in decode(io.BytesIO(data), LIMITS, DecodeReport())]
    assert sum(sizes) == 240_000
    assert len(sizes) >= 9
    assert max(sizes) < 30_000
