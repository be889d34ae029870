"""Recordings joined end to end, and what stands behind the end that a header tells: all of it is heard, or told."""

from __future__ import annotations

import io
import random
import struct

import numpy as np
import pytest

from server.audio_in import joined, signatures
from server.audio_in.decode import FileDecoder
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.joined import JoinedFile
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport
from server.audio_in.spliced import Spliced
from tests.server.audio_in.audio_media import LIMITS, SECONDS, Clip, Format, assert_tones, clip_of, media, tones

WAV = Format("wav", "pcm_s16le")
FLAC = Format("flac", "flac")
MP3 = Format("mp3", "libmp3lame")
OPUS = Format("ogg", "libopus")
VORBIS = Format("ogg", "vorbis", by_soundfile=True)
WEBM = Format("webm", "libopus")
WEBM_LIVE = Format("webm", "libopus", options=(("live", "1"),))
MKV_FLAC = Format("matroska", "flac", options=(("live", "1"),))
M4A = Format("ipod", "aac")
FRAGMENTED = Format("mp4", "aac", options=(("movflags", "frag_keyframe+empty_moov"),))
AIFF = Format("aiff", "pcm_s16be")
CAF = Format("caf", "pcm_s16be")
W64 = Format("w64", "pcm_s16le")
RF64 = Format("wav", "pcm_s16le", options=(("rf64", "always"),))
ADTS = Format("adts", "aac")
MPEGTS = Format("mpegts", "aac")
AVI = Format("avi", "libmp3lame")
FLV = Format("flv", "libmp3lame")
AU = Format("au", "pcm_s16be")
ASF = Format("asf", "wmav2", bit_rate=64_000)
TOLD = "The file is 2 recordings joined end to end; they follow each other here."


def assert_twice(clip: Clip, gap: float = 0.08) -> None:
    """The tones, and the tones again at most ``gap`` seconds later than they should be."""
    assert abs(clip.samples.size / 24_000 - 2 * SECONDS) < gap
    assert_tones(clip.samples[: round(SECONDS * 24_000)])
    assert_tones(clip.samples[-round(SECONDS * 24_000) :], tolerance=0.12)


@pytest.mark.parametrize(
    "form",
    [WAV, FLAC, MP3, OPUS, VORBIS, WEBM, WEBM_LIVE, MKV_FLAC, M4A, FRAGMENTED, AIFF, CAF, W64, RF64, AVI, FLV, AU, ASF],
    ids=lambda form: f"{form}{'-'.join(value for _, value in form.options)}",
)
def test_a_file_joined_with_itself_is_heard_twice(form: Format) -> None:
    clip = clip_of(media(form, 44_100 if form is FLV else 48_000) * 2)
    assert_twice(clip, gap=0.2)
    assert TOLD in clip.report.notes
    assert clip.report.damaged_packets == 0
    assert not clip.report.truncated


@pytest.mark.parametrize("form", [ADTS, MPEGTS], ids=str)
def test_streams_that_anybody_may_cut_and_join_go_on(form: Format) -> None:
    assert_twice(clip_of(media(form, 48_000) * 2), gap=0.2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (media(WAV, 48_000), media(WAV, 16_000, 2)),
        (media(MP3, 44_100), media(MP3, 16_000, 2)),
        (media(FLAC, 44_100), media(FLAC, 16_000, 2)),
        (media(OPUS, 48_000), media(VORBIS, 44_100, 2)),
        (media(OPUS, 48_000), media(Format("ogg", "flac"), 16_000)),
        (media(WEBM, 48_000), media(Format("matroska", "aac"), 44_100, 2)),
        (media(WAV, 48_000), media(M4A, 44_100)),
        (media(M4A, 44_100), media(MP3, 44_100)),
        (media(ADTS, 44_100), media(MP3, 16_000)),
        (media(ADTS, 44_100, 2), media(ADTS, 44_100, 1)),
    ],
    ids=["wav", "mp3", "flac", "ogg", "ogg-flac", "matroska", "wav-m4a", "m4a-mp3", "aac-mp3", "aac"],
)
def test_rate_channels_codec_and_container_may_change(first: bytes, second: bytes) -> None:
    assert_twice(clip_of(first + second), gap=0.2)


def test_a_tag_in_front_of_and_between_recordings_is_skipped() -> None:
    data = media(MP3, 44_100)
    assert data.startswith(b"ID3")
    picture = b"APIC" + struct.pack(">IH", 6_000, 0) + media(FLAC, 16_000)[:6_000]  # looks like a recording
    tag = b"ID3\x03\0\0\0\0" + bytes([len(picture) >> 7, len(picture) & 0x7F]) + picture
    clip = clip_of(tag + data[data.index(b"\xff\xfb") :] + b"TAG" + bytes(125) + data)
    assert_twice(clip)
    assert TOLD in clip.report.notes


def test_hls_segments_with_a_tag_each_are_one_recording() -> None:
    data = media(ADTS, 44_100)
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    clip = clip_of(tag + data + tag + data)
    assert_twice(clip, gap=0.2)
    assert clip.report.parts == 1


def test_what_of_several_cannot_be_read_is_told() -> None:
    good, bad = media(WAV, 16_000), media(M4A, 16_000)[:3_000]
    for data in (good + b"fLaC\0\0\0\x22" + bytes(500), bad + good, b"HTTP/1.1 200 OK\r\n\r\n" + good):
        clip = clip_of(data)
        assert_tones(clip.samples[:48_000])
        assert "Parts of the file could not be read: 1 of those that were joined." in clip.report.notes


def test_where_nothing_can_be_read_the_first_says_why() -> None:
    with pytest.raises(AudioError) as caught:
        clip_of(b"fLaC\0\0\0\x22" + bytes(500) + media(M4A, 16_000)[:3_000])
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO


def test_a_recording_that_was_cut_off_does_not_hide_the_next_one() -> None:
    for form in (WAV, FRAGMENTED):
        data = media(form, 16_000)
        clip = clip_of(data[: len(data) // 2] + data)
        assert_tones(clip.samples[-48_000:], tolerance=0.12)
        assert clip.report.truncated


def test_bytes_behind_the_end_that_nobody_knows_are_told() -> None:
    data = media(M4A, 16_000)
    assert (
        "5000 bytes behind the end of the recording were not read."
        in clip_of(data + random.Random(1).randbytes(5_000)).report.notes
    )
    for usual in (bytes(5_000), b"TAG" + b"x" * 125, b"APETAGEX" + b"x" * 5_000, b"few"):
        assert clip_of(data + usual).report.notes == ()


def test_a_recording_is_searched_for_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "_AT_ONCE", (1_000, 1_000))
    data = media(FLAC, 16_000)
    for behind in range(990, 1_010):
        found = list(JoinedFile(io.BytesIO(data + bytes(behind) + data), lambda: None))
        assert [part.head[:4] for part in found] == [b"fLaC", b"fLaC"]


def test_a_file_of_very_many_recordings_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "MAX_PARTS", 3)
    clip = clip_of(media(WAV, 8_000) * 5)
    assert clip.report.seconds == pytest.approx(3 * SECONDS)
    assert "The file holds more than 3 recordings; those behind were not read." in clip.report.notes


# ----------------------------------------------------------------------------------------- WAV, AIFF, RF64 and W64


PCM = (tones(16_000, 1)[0] * 32767).astype("<i2").tobytes()
HALF = len(PCM) // 2
FMT = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
INFO = b"LIST" + struct.pack("<I", 16) + b"INFOISFT\4\0\0\0Lavf"


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = FMT + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def chunk(samples: bytes, size: int | None = None) -> bytes:
    return b"data" + struct.pack("<I", len(samples) if size is None else size) + samples


@pytest.mark.parametrize(
    "data",
    [
        riff(chunk(PCM, 0), size=0),
        riff(chunk(PCM, 1_000)),
        riff(chunk(PCM, HALF), size=HALF + 36),
        riff(chunk(PCM[:HALF]), chunk(PCM[HALF:])),
        riff(chunk(PCM[:HALF]), INFO, chunk(PCM[HALF:])),
        riff(INFO, chunk(PCM[:HALF]), chunk(PCM[HALF:], 0)),
        riff(b"LIST" + struct.pack("<I", len(PCM) + 20) + b"wavl" + chunk(PCM[:HALF]) + chunk(PCM[HALF:])),
        riff(chunk(PCM), INFO, b"ID3\3\0\0\0\0\x10\0" + bytes(2_048)),
        riff(chunk(PCM[:-1], len(PCM) - 1), b"\0"),
        riff(chunk(PCM), INFO[:-9]),
    ],
    ids=["0", "too small", "RIFF too", "two", "two and a list", "two, streamed", "wavl", "tags", "odd", "list cut off"],
)
def test_all_samples_of_a_wav_file_are_heard(data: bytes) -> None:
    clip = clip_of(data)
    assert_tones(clip.samples, tolerance=0.01)
    assert clip.report.notes == ()


@pytest.mark.parametrize("off", [-36, -8, 1, 8, 44, 1_000])
def test_a_riff_size_that_is_off_says_nothing(off: int) -> None:
    data = riff(chunk(PCM))
    clip = clip_of(riff(chunk(PCM), size=len(data) - 8 + off))
    assert_tones(clip.samples, tolerance=0.01)
    assert clip.report.notes == ()


def test_a_data_size_that_is_off_counts_from_half_a_second_on() -> None:
    assert clip_of(riff(chunk(PCM, len(PCM) + 8))).report.notes == ()
    assert clip_of(riff(chunk(PCM, len(PCM) + 32_000))).report.truncated


def zeroed(data: bytes, *places: tuple[int, int]) -> bytes:
    """``data`` with zeros in the (start, length) places."""
    changed = bytearray(data)
    for start, length in places:
        changed[start : start + length] = bytes(length)
    return bytes(changed)


def test_recorders_that_never_mended_their_header() -> None:
    aiff, rf64, w64 = (media(form, 16_000) for form in (AIFF, RF64, W64))
    sound, frames, guid = aiff.index(b"SSND"), aiff.index(b"COMM") + 10, w64.index(b"data\xf3\xac")
    unmended = [
        zeroed(aiff, (sound + 4, 4)),
        zeroed(aiff, (4, 4), (frames, 4), (sound + 4, 4)),
        aiff[: sound + 4] + struct.pack(">I", 1_008) + aiff[sound + 8 :],
        zeroed(rf64, (20, 28)),
        zeroed(w64, (guid + 16, 8)),
        zeroed(w64, (16, 8), (guid + 16, 8)),
    ]
    for data in unmended:
        assert_tones(clip_of(data).samples, tolerance=0.01)
        assert clip_of(data).report.notes == ()
        assert_twice(clip_of(data + data))


def test_a_spliced_file_reads_like_the_bytes_in_it() -> None:
    content = random.Random(2).randbytes(1_000)
    spliced = Spliced(io.BytesIO(content), [b"head", range(10, 20), b"", range(500, 900), range(5, 5), b"tail"])
    whole = b"head" + content[10:20] + content[500:900] + b"tail"
    assert spliced.read(10_000) == whole
    chance = random.Random(3)
    for _ in range(50):
        at, size = chance.randrange(len(whole) + 5), chance.randrange(500)
        assert spliced.seek(at) == spliced.tell() == at
        assert spliced.read(size) == whole[at : at + size]
    assert spliced.seek(-4, io.SEEK_END) == len(whole) - 4
    assert spliced.read(10) == b"tail"


# ------------------------------------------------------------------------------------------ MPEG transport streams


def transport(codec: str, rate: int, *options: tuple[str, str]) -> bytes:
    return media(Format("mpegts", codec, options=options), rate)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (transport("aac", 48_000), transport("mp2", 48_000)),
        (transport("aac", 48_000), transport("aac", 44_100, ("mpegts_start_pid", "768"))),
        (transport("aac", 48_000), transport("mp2", 48_000, ("mpegts_pmt_start_pid", "300"))),
        (transport("ac3", 48_000, M2TS := ("mpegts_m2ts_mode", "1")), transport("mp2", 44_100, M2TS)),
    ],
    ids=["codec", "stream number", "program map", "m2ts"],
)
def test_transport_streams_whose_tables_change(first: bytes, second: bytes) -> None:
    clip = clip_of(first + second)
    assert_twice(clip, gap=0.2)
    assert TOLD in clip.report.notes
    assert clip_of(first + second + first).report.parts == 3


def test_damaged_tables_end_nothing() -> None:
    data = transport("aac", 48_000)
    chance = random.Random(5)
    for _ in range(20):
        damaged = bytearray(data + data)
        for _ in range(60):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert clip_of(bytes(damaged)).report.seconds > 1


# ------------------------------------------------------------------------------------- what is read, and how often


class CountedFile(io.BytesIO):
    """Counts what is read of it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.octets = self.furthest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.octets += len(content)
        self.furthest = max(self.furthest, self.tell())
        return content


def lasting(content: bytes, samples: int) -> bytes:
    """``content``, a FLAC file, whose header says so (0: it does not know, as of a recorder that cannot go back to it).

    RFC 9639, 8.2.
    """
    return content[:21] + bytes([content[21] & 0xF0]) + samples.to_bytes(4) + content[26:]


NOISE = np.random.default_rng(0).standard_normal((1, 40 * 48_000), np.float32) / np.float32(9)
LONG_FLAC = lasting(media(FLAC, 48_000, wave=NOISE), NOISE.size)
"""Megabytes: noise is nothing that could be packed."""


@pytest.mark.parametrize("content", [LONG_FLAC, LONG_FLAC + LONG_FLAC], ids=["one", "two"])
def test_what_is_decoded_first_leaves_before_the_file_was_searched_and_it_is_searched_once(content: bytes) -> None:
    file, report = CountedFile(content), DecodeReport()
    decoder = FileDecoder(file, LIMITS, report, Listening())
    blocks = decoder.blocks()
    next(blocks)
    assert file.furthest < len(content) / 4
    before = file.octets
    seconds = decoder.extent().seconds
    assert seconds == 40 * len(content) / len(LONG_FLAC)
    assert file.octets - before < 1.2 * len(content)
    for _ in blocks:
        pass
    assert report.seconds == seconds
    assert file.octets < 2.4 * len(content), "searched once, and read once"


def test_recordings_that_do_not_say_how_long_they_are() -> None:
    data = lasting(media(FLAC, 48_000), 0)
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    for joined_ in (data + data, tag + data + tag + data):
        clip = clip_of(joined_)
        assert_twice(clip)
        assert clip.report.notes == (TOLD,)


@pytest.mark.parametrize("behind", [0, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("mark", [b"fLaC\0\0\0\x22", b"#!AMR\n", b"FLV\x01\x01\0\0\0\x09", b"\0\0\0\x18ftypM4A "])
def test_a_mark_is_found_wherever_it_stands(mark: bytes, behind: int) -> None:
    """Before bytes that are no mark, and at the file's very end."""
    for rest in (b"", b"a", b"fL", b"\x1a\x45\xdf" * 9):
        for front in (bytes(behind), (b"RFfB#c." * 15)[:behind]):
            assert signatures.next_start(io.BytesIO(front + mark + rest), 0, lambda: None) == len(front)
    assert signatures.next_start(io.BytesIO(bytes(behind) + mark[:5]), 0, lambda: None) == -1
