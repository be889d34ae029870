"""What is no recording is refused, told from damaged recordings, and never followed to other files."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import socket
import sqlite3
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.formats import FORMATS, TAKEN, format_of
from tests.server.audio_in.audio_media import Format, assert_tones, clip_of, media

WEBM = Format("webm", "libopus")


def refusal(data: bytes) -> AudioError:
    with pytest.raises(AudioError) as caught:
        clip_of(data)
    return caught.value


def texts() -> Iterator[bytes]:
    words = (
        "hello world ", "привет мир ", "你好世界", "مرحبا ", "a,b;c\n", "0", "=", "\n", "{0}{25}hi\n",
        "[00:01.00]line\n",
        "WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n\n", "1\n00:00:00,000 --> 00:00:01,000\nhi\n\n",
        ";FFMETADATA1\n",
    )  # fmt: skip
    for encoding in ("utf-8", "utf-16", "utf-8-sig"):
        for word in words:
            yield from ((word * times).encode(encoding) for times in (1, 40, 3_000))


def documents() -> Iterator[bytes]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("word/document.xml", "<w:t>hello</w:t>" * 200)
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        archive.add(__file__)
    with sqlite3.connect(":memory:") as database:
        database.execute("create table words (word text)")
        database.executemany("insert into words values (?)", [("hello",)] * 500)
        yield database.serialize()
    row = b"\0" + bytes(range(192))
    pixels = zlib.compress(row * 64)
    yield (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0@\0\0\0@\x08\x02\0\0\0"
        + bytes(4)
        + len(pixels).to_bytes(4)
        + b"IDAT"
        + pixels
    )
    yield b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01" + random.Random(1).randbytes(40_000) + b"\xff\xd9"
    yield b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
    yield b"BM" + bytes(52) + random.Random(2).randbytes(30_000)
    yield b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 50
    yield b"<!DOCTYPE html><html><head><title>Not found</title></head><body>404</body></html>" * 20
    yield b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk" + bytes(400)
    yield from (zipped.getvalue(), tarred.getvalue(), gzip.compress(b"hello" * 9_000), Path(__file__).read_bytes())
    yield from (
        pickle.dumps(list(range(5_000))),
        json.dumps({"a": [1, 2, 3] * 500}).encode(),
        Path(sys.executable).read_bytes()[:200_000],
    )
    yield from (np.arange(9_000, dtype=kind).tobytes() for kind in ("<i2", ">i4", "<f4", "<f8"))


def noise() -> Iterator[bytes]:
    source = random.Random(3)
    yield from (source.randbytes(source.choice((1, 5, 40, 300, 2_000, 9_000, 60_000))) for _ in range(150))
    yield from (bytes([byte]) * length for byte in range(256) for length in (3, 5_000))


@pytest.mark.parametrize("foreign", [texts, documents, noise])
def test_what_is_no_recording_is_unsupported(foreign: object) -> None:
    assert callable(foreign)
    for data in foreign():
        error = refusal(data)
        assert error.code == AudioErrorCode.UNSUPPORTED_FORMAT, (data[:40], error.message)
        assert TAKEN in error.message


def test_what_is_taken_is_said_in_words() -> None:
    for name in ("WAV", "MP3", "M4A", "WebM", "Ogg", "FLAC", "AMR", "WMA", "AVI", "AU", "3GP"):
        assert name in TAKEN
    assert TAKEN.isascii(), "it is sent in a header too"
    assert len(TAKEN) < 600


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"<!DOCTYPE html><p>Sign in</p>", "a web page"),
        (b"\xef\xbb\xbf  <html>", "a web page"),
        (b"%PDF-1.4", "PDF"),
        (b"PK\x03\x04" + bytes(60), "ZIP"),
        (b'{"error": "not found"}', "JSON"),
        (b"#EXTM3U\nhttps://example.com/a.mp3", "playlist"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "picture"),
        (b"\x0a\x0d\x0d\x0a" + bytes(60), "capture of network packets"),
    ],
)
def test_what_is_sent_by_mistake_is_named(data: bytes, named: str) -> None:
    assert named in refusal(data).message


def test_a_damaged_file_of_any_format_is_not_called_foreign() -> None:
    """Nothing but zeros follows what the format begins with."""
    for form in FORMATS:
        for place, mark in form.magic:
            data = bytes(place) + mark + bytes(3_000)
            assert format_of(data) is form
            assert TAKEN not in refusal(data).message, mark


def test_lengths_beyond_all_measure() -> None:
    for form in (
        Format("w64", "pcm_s16le"),
        Format("caf", "pcm_s16be"),
        Format("mov", "pcm_s16le"),
        Format("asf", "mp3"),
    ):
        data = media(form, 44_100)
        for at in range(16, 120, 4):
            damaged = data[:at] + b"\xff\xff\xff\xff\xff\xff\xff\x7f" + data[at + 8 :]
            try:
                assert clip_of(damaged).report.seconds < 600
            except AudioError:
                continue


def test_a_webm_file_without_its_first_bytes_is_heard() -> None:
    """Up to where its tracks are described, and where its index would have stood as well."""
    for form in (WEBM, Format("webm", "libopus", options=(("live", "1"),)), Format("matroska", "aac", video=True)):
        data = media(form, 48_000)
        tracks = data.index(b"\x16\x54\xae\x6b")
        for missing in (1, 2, 4, 5, 30, 36, 45, 60, tracks):
            assert_tones(clip_of(data[missing:]).samples)


def test_the_beginning_is_missing() -> None:
    webm = media(WEBM, 48_000)
    cluster = webm.index(b"\x1f\x43\xb6\x75")
    block = webm.index(b"\xa3", cluster)
    mp4 = media(Format("mp4", "aac", options=(("movflags", "frag_keyframe+empty_moov"),)), 16_000)
    ogg = media(Format("ogg", "libopus"), 48_000)
    cut = {
        "WebM": [webm[cluster:], webm[cluster + 1 :], webm[block:]],
        "MP4": [mp4[mp4.index(b"moof") - 4 :]],
        "Ogg": [ogg[ogg.rindex(b"OggS") :]],
    }
    for name, files in cut.items():
        for data in files:
            error = refusal(data)
            assert error.code == AudioErrorCode.CORRUPT_AUDIO, data[:20]
            assert f"beginning of the {name} file is missing" in error.message


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A recording on the disk, and an address at which nobody may call."""
    path = tmp_path / "secret.wav"
    path.write_bytes(media(Format("wav", "pcm_s16le"), 16_000))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield str(path), f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            server.accept()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{0}\n#EXT-X-ENDLIST\n",
    "m3u": "#EXTM3U\n#EXTINF:2,song\n{0}\n",
    "bare m3u": "{0}\n{0}\n",
    "concat": "ffconcat version 1.0\nfile '{0}'\nduration 2\n",
    "pls": "[playlist]\nFile1={0}\nNumberOfEntries=1\nVersion=2\n",
    "asx": '<asx version="3.0"><entry><ref href="{0}"/></entry></asx>',
    "wvx": "[Reference]\nRef1={0}\n",
    "xspf": '<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>{0}</location>'
    "</track></trackList></playlist>",
    "smil": '<smil><body><audio src="{0}"/></body></smil>',
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
    'mimeType="audio/mp4"><Representation id="1" bandwidth="9"><BaseURL>{0}</BaseURL><SegmentList><SegmentURL '
    'media="{0}"/></SegmentList></Representation></AdaptationSet></Period></MPD>',
    "smooth streaming": '<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2"><StreamIndex Url="{0}"/>'
    "</SmoothStreamingMedia>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{0}\n",
    "ram": "{0}\r\n",
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>{0}</Id>'
    "</CompositionPlaylist>",
    "lavfi": "amovie={0}",
    "cue": 'FILE "{0}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
}  # fmt: skip


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_are_refused_and_nothing_they_name_is_opened(kind: str, elsewhere: tuple[str, str]) -> None:
    path, address = elsewhere
    for named in (
        path,
        f"file://{path}",
        f"http://{address}/a.wav",
        f"rtsp://{address}/a",
        f"tcp://{address}",
        f"concat:{path}",
    ):
        assert refusal(PLAYLISTS[kind].format(named).encode()).code == AudioErrorCode.UNSUPPORTED_FORMAT


def test_a_movie_whose_sound_is_in_another_file(elsewhere: tuple[str, str]) -> None:
    movie = bytearray(media(Format("mov", "pcm_s16le"), 16_000))
    path = elsewhere[0].encode()
    at = movie.index(b"dref") + 12  # the first reference: its size, its kind, and a flag that says: in this file
    assert movie[at + 4 : at + 8] == b"url "
    movie[at + 8 : at + 12] = bytes(4)
    try:
        heard = clip_of(bytes(movie)).samples
    except AudioError:
        return
    own = clip_of(media(Format("mov", "pcm_s16le"), 16_000)).samples
    assert np.array_equal(heard, own), "what it says of another file is not followed"
    assert path not in bytes(movie)


def test_a_reference_movie(elsewhere: tuple[str, str]) -> None:
    def atom(kind: bytes, content: bytes) -> bytes:
        return (len(content) + 8).to_bytes(4) + kind + content

    for url in (elsewhere[0], f"http://{elsewhere[1]}/a.mov"):
        name = url.encode() + b"\0"
        reference = atom(b"rdrf", bytes(4) + b"url " + len(name).to_bytes(4) + name)
        movie = atom(b"ftyp", b"qt  \0\0\0\0qt  ") + atom(b"moov", atom(b"rmra", atom(b"rmda", reference)))
        assert refusal(movie).code in (AudioErrorCode.CORRUPT_AUDIO, AudioErrorCode.NO_AUDIO_STREAM)
