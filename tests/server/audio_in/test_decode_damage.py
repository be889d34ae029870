"""Damaged, forged and foreign files: what can be read is read at its true time, the rest is a clear error."""

from __future__ import annotations

import io
import random
import struct
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.frames import Timeline
from server.audio_in.report import DecodeReport
from tests.server.audio_in.audio_media import (
    AMPLITUDE,
    LIMITS,
    TONES,
    Format,
    amplitude,
    assert_tones,
    clip_of,
    media,
    silence,
    tones,
)

WAV = Format("wav", "pcm_s16le")
FLAC = Format("flac", "pcm_16", by_soundfile=True)
MP3 = Format("mp3", "mp3")
OPUS = Format("ogg", "libopus", options=(("page_duration", "100000"),))
VORBIS = Format("ogg", "vorbis", by_soundfile=True)
WEBM = Format("webm", "libopus", options=(("cluster_time_limit", "500"),))
M4A = Format("ipod", "aac")
M4A_INDEX_FIRST = Format("ipod", "aac", options=(("movflags", "faststart"),))
ADTS = Format("adts", "aac")
MPEGTS = Format("mpegts", "aac")
ALL = [WAV, FLAC, MP3, OPUS, VORBIS, WEBM, M4A, M4A_INDEX_FIRST, ADTS, MPEGTS]

LENGTH = 8.0
"""Seconds of the files below."""


@cache
def recording(form: Format) -> bytes:
    """The tones with some noise, so that equal times take equal bytes."""
    wave = tones(48_000, 1, LENGTH)
    return media(form, 48_000, wave=wave + np.random.default_rng(0).normal(0, 0.01, wave.shape).astype(np.float32))


def refusal(data: bytes) -> AudioError:
    with pytest.raises(AudioError) as caught:
        clip_of(data)
    assert "0x" not in caught.value.message
    assert "<" not in caught.value.message
    return caught.value


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


# ------------------------------------------------------------------------------------------------------- cut off


@pytest.mark.parametrize("form", [form for form in ALL if form != M4A], ids=str)
def test_half_a_file_gives_half_the_audio(form: Format) -> None:
    clip = clip_of(half(recording(form)))
    assert 0.4 * LENGTH < clip.report.seconds < 0.6 * LENGTH
    assert amplitude(clip.samples[2_400:12_000], TONES[0]) == pytest.approx(AMPLITUDE, rel=0.08)


@pytest.mark.parametrize("form", [WAV, FLAC, M4A_INDEX_FIRST], ids=str)
def test_a_file_that_ends_before_its_header_says_is_reported(form: Format) -> None:
    clip = clip_of(half(recording(form)))
    assert clip.report.truncated
    assert any("ends early" in note for note in clip.report.notes)
    assert not clip_of(recording(form)).report.truncated


def test_half_an_m4a_with_its_index_at_the_end_cannot_be_read() -> None:
    assert refusal(half(recording(M4A))).code == AudioErrorCode.CORRUPT_AUDIO


# ------------------------------------------------------------------------------------------- damage in the middle


@pytest.mark.parametrize("form", [FLAC, OPUS, VORBIS, WEBM, M4A, MPEGTS], ids=str)
def test_what_follows_a_hole_keeps_its_time(form: Format) -> None:
    data = bytearray(recording(form))
    hole = slice(len(data) // 8, len(data) // 4)
    data[hole] = bytes(hole.stop - hole.start)
    clip = clip_of(bytes(data))
    assert clip.report.notes
    assert clip.report.seconds == pytest.approx(LENGTH, abs=0.3)
    for hertz, start, end in ((TONES[0], 3.0, 3.7), (TONES[1], 4.3, 7.5)):
        stretch = clip.samples[round(start * 24_000) : round(end * 24_000)]
        assert amplitude(stretch, hertz) == pytest.approx(AMPLITUDE, rel=0.1)


@pytest.mark.parametrize("form", ALL, ids=str)
def test_flipped_bytes_cost_little(form: Format) -> None:
    data = bytearray(recording(form))
    chance = random.Random(7)
    for _ in range(6):
        data[chance.randrange(len(data) // 10, 9 * len(data) // 10)] ^= 1 << chance.randrange(8)
    clip = clip_of(bytes(data))
    assert clip.report.seconds == pytest.approx(LENGTH, abs=0.3)
    assert clip.report.damaged_packets < 20


@pytest.mark.parametrize("restart", [9_000.0, -9_000.0], ids=["ahead", "back"])
def test_a_hole_is_filled_by_the_clock_that_runs_then(restart: float) -> None:
    """A clock that jumps by hours began anew: nothing is missing there, and what is missing later is seen by it."""
    report = DecodeReport()
    clock = 10_000.0
    times = [clock + 0.5 * n for n in range(4)] + [clock + restart + 0.5 * n for n in range(4) if n != 2]
    pieces = [piece.channels for piece in Timeline(report).pieces([heard_at(time) for time in times])]
    assert [bool(piece.any()) for piece in pieces] == [True] * 6 + [False, True]
    assert sum(piece.size for piece in pieces) == 8 * 4_000
    assert report.filled_seconds == pytest.approx(0.5)


def heard_at(seconds: float) -> AudioFrame:
    """Half a second of sound at 8 kHz."""
    frame = AudioFrame.from_ndarray(np.full((1, 4_000), 0.1, np.float32), "fltp", "mono")
    frame.sample_rate, frame.time_base, frame.pts = 8_000, Fraction(1, 8_000), round(8_000 * seconds)
    return frame


def test_undecodable_packets_are_counted_and_told() -> None:
    data = bytearray(recording(M4A))
    start = data.index(b"mdat") + 4
    damaged = slice(start + 2_000, start + 6_000)
    data[damaged] = random.Random(1).randbytes(damaged.stop - damaged.start)
    clip = clip_of(bytes(data))
    assert clip.report.damaged_packets > 0
    assert f"{clip.report.damaged_packets} damaged packets of the audio were skipped." in clip.report.notes


def test_audio_that_is_damaged_throughout_is_corrupt() -> None:
    data = bytearray(recording(M4A))
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = b"\xff" * (end - start)
    assert refusal(bytes(data)).code == AudioErrorCode.CORRUPT_AUDIO


# ---------------------------------------------------------------------------------------------------- WAV headers


def wav(
    samples: bytes, *, rate: int = 24_000, channels: int = 1, bits: int = 16, tag: int = 1, claim: int | None = None
) -> bytes:
    """A WAV file whose header says what the arguments say. ``claim``: bytes of samples, by default the truth."""
    size = len(samples) if claim is None else claim
    block = max(1, channels * bits // 8)
    form = struct.pack("<HHIIHH", tag, channels, rate, min(rate * block, 2**32 - 1), block & 0xFFFF, bits)
    riff = size if size >= 2**31 else size + 36
    return (
        b"RIFF"
        + struct.pack("<I", riff)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
        + samples
    )


PCM16 = (tones(24_000, 1)[0] * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("claim", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_of_a_recorder_that_streamed(claim: int) -> None:
    clip = clip_of(wav(PCM16, claim=claim))
    assert_tones(clip.samples)
    assert not clip.report.truncated


@pytest.mark.parametrize(
    "header",
    [
        {"rate": 1},
        {"rate": 0},
        {"rate": 3_999},
        {"rate": 192_001},
        {"rate": 0xFFFFFFFF},
        {"channels": 0},
        {"channels": 9},
        {"channels": 65_535},
        {"tag": 0x11, "channels": 50_000, "bits": 50_000},
        {"tag": 0x1234},
        {"bits": 0},
    ],
    ids=str,
)
def test_forged_wav_headers_are_refused(header: dict[str, int]) -> None:
    assert refusal(wav(PCM16, **header)).code in (AudioErrorCode.UNSUPPORTED_FORMAT, AudioErrorCode.CORRUPT_AUDIO)


def test_invalid_float_samples_become_silence_and_spoil_nothing_else() -> None:
    for rate in (24_000, 44_100):
        wave = tones(rate, 2)
        wave[0, rate // 2 : rate // 2 + 5] = [np.nan, np.inf, -np.inf, 1e30, -3e38]
        wave[1, rate // 2 + 1] = np.inf  # meets the other channel's infinity in the mix
        clip = clip_of(media(Format("wav", "pcm_f32le"), rate, wave=wave))
        assert np.isfinite(clip.samples).all()
        assert_tones(clip.samples)
        assert clip.report.silenced_samples == 5
        assert "5 invalid samples were silenced." in clip.report.notes


# ------------------------------------------------------------------------------------------------- not audio at all


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", AudioErrorCode.EMPTY_AUDIO),
        (wav(b""), AudioErrorCode.EMPTY_AUDIO),
        (b"hello, this is no audio\n" * 50, AudioErrorCode.UNSUPPORTED_FORMAT),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), AudioErrorCode.UNSUPPORTED_FORMAT),
        (bytes(10_000), AudioErrorCode.UNSUPPORTED_FORMAT),
        (b"RIFF\xff\0\0\0WAVE", AudioErrorCode.CORRUPT_AUDIO),
        (b"fLaC" + bytes(3), AudioErrorCode.CORRUPT_AUDIO),
        (b"OggS" + bytes(100), AudioErrorCode.CORRUPT_AUDIO),
    ],
)
def test_files_without_audio(data: bytes, code: AudioErrorCode) -> None:
    assert refusal(data).code == code


def test_a_film_without_sound_has_no_audio_stream() -> None:
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        container.mux(picture.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(picture.encode(None))
    assert refusal(film.getvalue()).code == AudioErrorCode.NO_AUDIO_STREAM


@pytest.mark.parametrize(
    "form", [Format("adx", "adpcm_adx"), Format("nut", "dfpwm"), Format("wav", "pcm_s64le")], ids=str
)
def test_formats_that_are_not_listed_are_refused(form: Format) -> None:
    assert refusal(media(form, 48_000)).code == AudioErrorCode.UNSUPPORTED_FORMAT


def test_files_that_name_other_files_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(recording(WAV))
    playlists = [
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{secret}\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {secret}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{secret}</BaseURL></MPD>',
    ]
    for playlist in playlists:
        assert refusal(playlist.encode()).code == AudioErrorCode.UNSUPPORTED_FORMAT


# ------------------------------------------------------------------------------------------------------------- fuzz

_SHORT = {form: media(form, 48_000, wave=silence(48_000, 0.2) + 0.1) for form in ALL}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from([b"", b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS", b"ID3", b"\0\0\0\x20ftypM4A "]),
    st.binary(max_size=2_000),
)
def test_random_bytes_raise_nothing_but_audio_errors(head: bytes, tail: bytes) -> None:
    _decode_or_refuse(head + tail)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    st.sampled_from(ALL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=30),
    st.floats(0, 1),
)
def test_mutated_files_raise_nothing_but_audio_errors(
    form: Format, changes: list[tuple[float, int]], end: float
) -> None:
    data = bytearray(_SHORT[form])
    for place, value in changes:
        data[int(place**3 * len(data))] = value  # most of them in the headers
    _decode_or_refuse(bytes(data[: int(end * len(data)) or None]))


def _decode_or_refuse(data: bytes) -> None:
    try:
        clip = clip_of(data)
    except AudioError:
        return
    assert np.isfinite(clip.samples).all()
    assert 0 < clip.report.seconds <= LIMITS.max_seconds
