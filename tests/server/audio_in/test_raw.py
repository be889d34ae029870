"""Recordings without a container, as the caller says what they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from server.audio_in.decode_pool import DecodePool
from server.audio_in.encodings import CodedEncoding, Encoding, PcmEncoding
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.listening import Listening, RawAudio
from server.audio_in.report import DecodeReport
from tests.server.audio_in.audio_media import LIMITS, TONES, Floats, Format, amplitude, assert_tones, decode, media

RECORDINGS = Path(__file__).parent / "recordings"
CONTAINERS = [
    Format("wav", "pcm_s16le"),
    Format("flac", "flac"),
    Format("ogg", "libopus"),
    Format("webm", "libopus"),
    Format("ipod", "aac"),
    Format("mp3", "mp3"),
    Format("mp3", "mp3", options=(("id3v2_version", "0"), ("write_xing", "0"))),
    Format("mp2", "mp2"),
    Format("adts", "aac"),
    Format("mpegts", "aac"),
    Format("aiff", "pcm_s16be"),
]


def heard(data: bytes, raw: RawAudio, *, split: bool = False) -> tuple[Floats, ...]:
    blocks = list(decode(io.BytesIO(data), LIMITS, DecodeReport(), Listening(raw=raw, split=split)))
    return tuple(np.concatenate(row) for row in zip(*blocks, strict=True))


def pcm(encoding: PcmEncoding, rate: int, channels: int = 1) -> bytes:
    codec = {
        PcmEncoding.LINEAR16: "pcm_s16le",
        PcmEncoding.FLOAT32: "pcm_f32le",
        PcmEncoding.MULAW: "pcm_mulaw",
        PcmEncoding.ALAW: "pcm_alaw",
    }[encoding]
    wav = media(Format("wav", codec, options=(("fflags", "+bitexact"),)), rate, channels)
    return wav[wav.index(b"data") + 8 :]


@pytest.mark.parametrize("encoding", PcmEncoding)
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (24_000, 2), (44_100, 1)])
def test_samples_alone(encoding: PcmEncoding, rate: int, channels: int) -> None:
    (samples,) = heard(pcm(encoding, rate, channels) + b"\0", RawAudio(encoding, rate, channels))
    assert_tones(samples)


def test_each_channel_for_itself() -> None:
    left, right = heard(pcm(PcmEncoding.LINEAR16, 16_000, 2), RawAudio(PcmEncoding.LINEAR16, 16_000, 2), split=True)
    assert amplitude(left[2_400:21_600], TONES[0]) == pytest.approx(0.3, rel=0.02)
    assert amplitude(right[2_400:21_600], TONES[0]) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("form", CONTAINERS, ids=str)
@pytest.mark.parametrize("encoding", [PcmEncoding.LINEAR16, PcmEncoding.MULAW, CodedEncoding.OPUS])
def test_what_begins_like_a_container_is_one(form: Format, encoding: Encoding) -> None:
    (samples,) = heard(media(form, 48_000), RawAudio(encoding, 8_000))
    assert_tones(samples)


def test_samples_that_begin_like_one_mark_are_samples() -> None:
    """Minus one is 0xFFFF, and 0x47 a byte like others."""
    for first in (b"\xff\xff", b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80", b"\x47\x40\x00\x10"):
        data = bytearray(first + pcm(PcmEncoding.LINEAR16, 16_000)[len(first) :])
        data[417:419] = b"\xff\x00"  # where the second of MP3's frames would begin
        (samples,) = heard(bytes(data), RawAudio(PcmEncoding.LINEAR16, 16_000))
        assert_tones(samples)


def test_packets_of_amr_and_g729() -> None:
    nb = media(Format("amr", "libopencore_amrnb", bit_rate=12_200), 8_000)
    wb = (RECORDINGS / "tones.awb").read_bytes()
    g729 = (RECORDINGS / "tones.g729").read_bytes()
    for encoding, packets in (
        (CodedEncoding.AMR_NB, nb.removeprefix(b"#!AMR\n")),
        (CodedEncoding.AMR_NB, nb),
        (CodedEncoding.AMR_WB, wb.removeprefix(b"#!AMR-WB\n")),
        (CodedEncoding.G729, g729),
    ):
        (samples,) = heard(packets, RawAudio(encoding, 8_000))
        assert abs(samples.size / 24_000 - 2) < 0.1
        assert amplitude(samples[2_400:21_600], TONES[0]) > 0.08
        assert amplitude(samples[26_400:45_600], TONES[1]) > 0.08


@pytest.mark.parametrize(
    ("data", "raw", "code"),
    [
        (b"", RawAudio(PcmEncoding.LINEAR16, 16_000), AudioErrorCode.EMPTY_AUDIO),
        (b"\0", RawAudio(PcmEncoding.LINEAR16, 16_000), AudioErrorCode.EMPTY_AUDIO),
        (bytes(100), RawAudio(PcmEncoding.LINEAR16, 100), AudioErrorCode.UNSUPPORTED_FORMAT),
        (bytes(100), RawAudio(PcmEncoding.LINEAR16, 16_000, 9), AudioErrorCode.UNSUPPORTED_FORMAT),
        (bytes(100), RawAudio(CodedEncoding.OPUS, 48_000), AudioErrorCode.UNSUPPORTED_FORMAT),
        (bytes(100), RawAudio(CodedEncoding.SPEEX, 16_000), AudioErrorCode.UNSUPPORTED_FORMAT),
        (b"RIFF\0\0\0\0WAVE" + bytes(40), RawAudio(PcmEncoding.LINEAR16, 16_000), AudioErrorCode.CORRUPT_AUDIO),
    ],
)
def test_what_cannot_be_used(data: bytes, raw: RawAudio, code: AudioErrorCode) -> None:
    with pytest.raises(AudioError) as caught:
        heard(data, raw)
    assert caught.value.code == code


async def test_the_decoder_is_told() -> None:
    with DecodePool(1) as pool:
        for raw, data in (
            (RawAudio(PcmEncoding.MULAW, 8_000), pcm(PcmEncoding.MULAW, 8_000)),
            (RawAudio(CodedEncoding.G729, 8_000), (RECORDINGS / "tones.g729").read_bytes()),
        ):
            clip = await pool.decode(io.BytesIO(data), LIMITS, Listening(raw=raw))
            assert abs(clip.report.seconds - 2) < 0.02
            assert amplitude(clip.channels[0][2_400:21_600], TONES[0]) > 0.08


def test_a_length_limit_holds() -> None:
    with pytest.raises(AudioError) as caught:
        heard(bytes(2 * 8_000 * 700), RawAudio(PcmEncoding.LINEAR16, 8_000))
    assert caught.value.code == AudioErrorCode.AUDIO_TOO_LONG
