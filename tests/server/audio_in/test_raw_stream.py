"""Live audio without a container, as the client says what it is, and containers in its place."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext

from server.audio_in.encodings import CodedEncoding, Encoding, PcmEncoding
from server.audio_in.errors import AudioError
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import joined
from server.audio_in.raw_stream import RawStream
from tests.server.audio_in.audio_media import (
    AMPLITUDE,
    LEVELS,
    TONES,
    Floats,
    Format,
    amplitude,
    assert_tones,
    media,
    tones,
)

RECORDINGS = Path(__file__).parent / "recordings"
RAW = RawAudio(PcmEncoding.LINEAR16, 16_000)
WAV = Format("wav", "pcm_s16le")


@pytest.fixture
async def streams() -> AsyncIterator[list[RawStream]]:
    made: list[RawStream] = []
    yield made
    for stream in made:
        stream.close()


async def heard(streams: list[RawStream], raw: RawAudio, pieces: list[bytes]) -> Floats:
    stream = RawStream(raw)
    streams.append(stream)
    rows = [*[await stream.push(piece) for piece in pieces], await stream.flush()]
    return np.concatenate([row[0] for row in rows])


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def linear16(rate: int) -> bytes:
    return bytes((tones(rate, 1)[0] * 32_767).astype("<i2").data)


@pytest.mark.parametrize("size", [1, 7, 4_095, 100_000])
async def test_samples(streams: list[RawStream], size: int) -> None:
    assert_tones(await heard(streams, RAW, cut(linear16(16_000), size)), tolerance=0.01)


async def test_the_first_bytes_are_not_held_back_at_a_commit(streams: list[RawStream]) -> None:
    stream = RawStream(RawAudio(PcmEncoding.LINEAR16, 24_000))
    streams.append(stream)
    first = await stream.push(b"\xff" * 2 + bytes(8))
    assert first.size + stream.drain().size == 5
    rest = linear16(24_000)
    assert_tones(np.concatenate([await stream.push(rest), await stream.flush()], axis=1)[0], tolerance=0.01)


@pytest.mark.parametrize("size", [1, 40, 4_095])
@pytest.mark.parametrize(
    ("codec", "rate"), [("pcm_s16le", 16_000), ("pcm_s16le", 44_100), ("pcm_f32le", 48_000), ("pcm_mulaw", 8_000)]
)
async def test_a_wav_file_says_itself_what_it_is(streams: list[RawStream], codec: str, rate: int, size: int) -> None:
    assert_tones(await heard(streams, RAW, cut(media(Format("wav", codec), rate), max(size, rate // 1_000))))


async def test_samples_behind_the_length_that_a_wav_header_tells_are_heard(streams: list[RawStream]) -> None:
    wav = bytearray(media(WAV, 24_000))
    data = wav.index(b"data")
    wav[data + 4 : data + 8] = (100).to_bytes(4, "little")
    samples = await heard(streams, RAW, cut(bytes(wav), 3_000))
    assert_tones(samples)
    assert samples.size == 48_000, "and the header is none of them"


@pytest.mark.parametrize(
    ("form", "encoding"),
    [
        (Format("flac", "flac"), PcmEncoding.LINEAR16),
        (Format("webm", "libopus"), PcmEncoding.MULAW),
        (Format("wav", "pcm_s24le"), PcmEncoding.LINEAR16),
        (Format("ogg", "libopus"), CodedEncoding.OPUS),
        (Format("mp3", "mp3", options=(("id3v2_version", "0"),)), PcmEncoding.LINEAR16),
    ],
    ids=str,
)
async def test_what_begins_like_a_container_is_one(streams: list[RawStream], form: Format, encoding: Encoding) -> None:
    assert_tones(await heard(streams, RawAudio(encoding, 16_000), cut(media(form, 48_000), 1_000)))


def opus_packets(channels: int) -> list[bytes]:
    with av.open(io.BytesIO(media(Format("ogg", "libopus"), 48_000, channels)), "r") as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


@pytest.mark.parametrize("channels", [1, 2])
async def test_opus_packets_one_in_a_message(streams: list[RawStream], channels: int) -> None:
    samples = await heard(streams, RawAudio(CodedEncoding.OPUS, 48_000, channels), opus_packets(channels))
    assert_tones(samples[156:48_156])  # what the encoder needs to begin, which only a container tells to be cut off


async def test_speex_packets_one_in_a_message(streams: list[RawStream]) -> None:
    with av.open(str(RECORDINGS / "tones.spx"), "r") as file:
        packets = [bytes(packet) for packet in file.demux(audio=0) if packet.size]
    samples = await heard(streams, RawAudio(CodedEncoding.SPEEX, 8_000), packets)
    assert abs(samples.size / 24_000 - 2) < 0.1
    assert amplitude(samples[2_400:21_600], TONES[0]) > 0.15


@pytest.mark.parametrize("form", [Format("wav", "pcm_s16le"), Format("flac", "flac")], ids=str)
async def test_each_channel_for_itself(streams: list[RawStream], form: Format) -> None:
    raw = RawAudio(PcmEncoding.LINEAR16, 48_000, 2)
    data = media(form, 48_000, 2)
    if form.container == "wav":
        data = data[data.index(b"data") + 8 :]
    stream = RawStream(raw, split=True)
    streams.append(stream)
    rows = [row for piece in cut(data, 5_000) if (row := await stream.push(piece)).size]
    left, right = np.concatenate([*rows, await stream.flush()], axis=1)
    assert amplitude(left[2_400:21_600], TONES[0]) == pytest.approx(0.3, rel=0.05)
    assert amplitude(right[2_400:21_600], TONES[0]) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("size", [10, 33, 1_000])
async def test_packets_of_amr_and_g729(streams: list[RawStream], size: int) -> None:
    nb = media(Format("amr", "libopencore_amrnb", bit_rate=12_200), 8_000).removeprefix(b"#!AMR\n")
    wb = (RECORDINGS / "tones.awb").read_bytes().removeprefix(b"#!AMR-WB\n")
    g729 = (RECORDINGS / "tones.g729").read_bytes()
    for encoding, packets in ((CodedEncoding.AMR_NB, nb), (CodedEncoding.AMR_WB, wb), (CodedEncoding.G729, g729)):
        samples = await heard(streams, RawAudio(encoding, 8_000), cut(packets, size))
        assert abs(samples.size / 24_000 - 2) < 0.1
        assert amplitude(samples[2_400:21_600], TONES[0]) > 0.08


async def test_messages_that_are_no_packets(streams: list[RawStream]) -> None:
    with pytest.raises(AudioError):
        await heard(streams, RawAudio(CodedEncoding.SPEEX, 8_000), [b"\xff" * 3] * 200)


async def test_nothing_at_all_is_no_error(streams: list[RawStream]) -> None:
    for encoding in (PcmEncoding.LINEAR16, CodedEncoding.OPUS, CodedEncoding.AMR_NB):
        assert (await heard(streams, RawAudio(encoding, 16_000), [b""])).size == 0


@pytest.mark.parametrize(("rate", "channels"), [(100, 1), (16_000, 9)])
def test_rates_and_channels_out_of_range(rate: int, channels: int) -> None:
    with pytest.raises(AudioError):
        RawStream(RawAudio(PcmEncoding.LINEAR16, rate, channels))


def test_the_decoders_of_packets_are_there() -> None:
    for encoding in CodedEncoding:
        if encoding.in_messages:
            assert isinstance(av.CodecContext.create(encoding.value, "r"), AudioCodecContext)


@pytest.mark.parametrize("size", [1, 4_095])
@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", ""])
async def test_channels_that_are_split(streams: list[RawStream], codec: str, size: int) -> None:
    """Samples, and WAV files of a kind that is read here and of one that a decoder reads."""
    both = tones(16_000, 2)
    samples = bytes((both.T * 32_767).astype("<i2").tobytes())
    data = media(Format("wav", codec), 16_000, 2) if codec else samples
    stream = RawStream(RawAudio(PcmEncoding.LINEAR16, 16_000, 2), split=True)
    streams.append(stream)
    parts = [await stream.push(piece) for piece in cut(data, max(size, 100 if codec == "pcm_s24le" else 1))]
    left, right = joined([*parts, await stream.flush()])
    for row, level in ((left, LEVELS[2][0]), (right, LEVELS[2][1])):
        assert_tones(row * (AMPLITUDE / level))
