"""Containers that come while they are recorded: results, damage, and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from server.audio_in import container_process, container_stream, stream_history
from server.audio_in.container_process import ContainerProcess
from server.audio_in.container_stream import ContainerStream
from server.audio_in.deaths import DecoderDeaths, DecoderDied
from server.audio_in.encodings import CodedEncoding
from server.audio_in.errors import AudioError, AudioErrorCode, DecoderFailed
from server.audio_in.launch import Child
from server.audio_in.listening import RawAudio
from tests.server.audio_in.audio_media import (
    AMPLITUDE,
    LEVELS,
    TONES,
    Floats,
    Format,
    amplitude,
    assert_tones,
    clip_of,
    media,
    silence,
    tones,
)

RECORDINGS = Path(__file__).parent / "recordings"
WEBM = Format("webm", "libopus", options=(("live", "1"),))
FORMATS = [
    WEBM,
    Format("ogg", "libopus"),
    Format("mp4", "aac", options=(("movflags", "frag_keyframe+empty_moov"),)),
    Format("matroska", "aac", video=True),
    Format("mp3", "libmp3lame"),
    Format("adts", "aac"),
    Format("flac", "flac"),
    Format("wav", "pcm_s16le"),
    Format("mpegts", "aac", options=(("mpegts_flags", "latm"),)),
    Format("mpeg", "mp2"),
    Format("latm", "aac"),
    Format("ogg", "flac"),
    Format("ac3", "ac3"),
    Format("au", "pcm_s16be"),
    Format("aiff", "pcm_s16be"),
    Format("caf", "pcm_s16be"),
    Format("avi", "mp3"),
    Format("nut", "libopus"),
]
"""Those that can be read from the front, at 48 kHz."""
OTHERS = [
    (Format("flv", "mp3"), 44_100),
    (Format("flv", "aac"), 44_100),
    (Format("asf", "wmav2", bit_rate=128_000), 44_100),
    (Format("tta", "tta"), 44_100),
    (Format("wav", "g722"), 16_000),
    (Format("wav", "adpcm_ms"), 16_000),
    (Format("rm", "real_144"), 8_000),
    (Format("RAW", "gsm610", by_soundfile=True), 8_000),
]
TELEPHONES = ["tones.spx", "tones.awb", "amr"]


def big_endian_wav() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tones(16_000, 1).T, 16_000, format="WAV", subtype="PCM_16", endian="BIG")
    return file.getvalue()


@pytest.fixture
def stream() -> Iterator[ContainerStream]:
    made = ContainerStream()
    yield made
    made.close()


def ragged(data: bytes, seed: int, longest: int = 2_000) -> list[bytes]:
    """``data`` in pieces of any size, empty ones too."""
    sizes, pieces, at = random.Random(seed), [], 0
    while at < len(data):
        size = sizes.choice((0, 1, 7, sizes.randrange(longest)))
        pieces.append(data[at : at + size])
        at += size
    return pieces


async def rows(stream: ContainerStream, pieces: list[bytes]) -> Floats:
    """[rows, n]. Before the first samples nobody knows how many rows there are."""
    parts = [*[await stream.push(piece) for piece in pieces], await stream.flush()]
    return np.concatenate([part for part in parts if part.size] or parts[:1], axis=1)


async def decoded(stream: ContainerStream, pieces: list[bytes]) -> Floats:
    mono: Floats
    (mono,) = await rows(stream, pieces)
    return mono


async def refusal(stream: ContainerStream, pieces: list[bytes]) -> AudioErrorCode:
    with pytest.raises(AudioError) as caught:
        await decoded(stream, pieces)
    return caught.value.code


@pytest.mark.parametrize("form", FORMATS, ids=str)
async def test_ragged_pieces_give_what_the_file_gives(stream: ContainerStream, form: Format) -> None:
    data = media(form, 48_000)
    samples = await decoded(stream, ragged(data, seed=1))
    assert_tones(samples)
    whole = clip_of(data).samples  # an MP3 as a file may be shorter: only its index tells of padding at the end
    np.testing.assert_allclose(samples[: whole.size], whole, atol=1e-3)


@pytest.mark.parametrize(("form", "rate"), OTHERS, ids=str)
async def test_formats_that_have_other_rates(stream: ContainerStream, form: Format, rate: int) -> None:
    assert_tones(await decoded(stream, ragged(media(form, rate), seed=1)))


@pytest.mark.parametrize("name", TELEPHONES)
async def test_telephone_codecs(stream: ContainerStream, name: str) -> None:
    amr = Format("amr", "libopencore_amrnb", bit_rate=12_200)
    data = media(amr, 8_000) if name == "amr" else (RECORDINGS / name).read_bytes()
    samples = await decoded(stream, ragged(data, seed=1, longest=300))
    assert abs(samples.size / 24_000 - 2) < 0.1
    assert amplitude(samples[2_400:21_600], TONES[0]) > 0.08


async def test_samples_come_with_the_bytes_that_complete_them(stream: ContainerStream) -> None:
    data = media(WEBM, 48_000)
    pieces = [data[at : at + 500] for at in range(0, len(data), 500)]
    until = [(await stream.push(piece)).size for piece in pieces]
    heard = np.cumsum(until) / 24_000
    sent = 2.0 * np.arange(1, len(pieces) + 1) / len(pieces)
    assert np.all(sent - heard < 0.4), "the decoder must not sit on what it could decode"


async def test_a_recorder_that_is_switched_off_anywhere(stream: ContainerStream) -> None:
    data = media(WEBM, 48_000)
    samples = await decoded(stream, [data[: len(data) // 2]])
    assert 0.7 < samples.size / 24_000 < 1.2


async def test_a_recorder_that_is_started_again_goes_on(stream: ContainerStream) -> None:
    data = media(WEBM, 48_000)
    samples = await decoded(stream, [data, data])
    assert_tones(samples[:48_000])
    assert abs(samples.size / 24_000 - 4) < 0.05


async def test_nothing_at_all_is_no_error(stream: ContainerStream) -> None:
    assert (await decoded(stream, [b"", b""])).size == 0


async def test_bytes_behind_the_end_are_dropped(stream: ContainerStream) -> None:
    data = media(Format("wav", "pcm_s16le"), 16_000)
    samples = await decoded(stream, [data, *ragged(b"LIST\x08\0\0\0" + bytes(5_000), seed=2)])
    assert_tones(samples)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"raw words, not audio. " * 5_000, AudioErrorCode.UNSUPPORTED_FORMAT),
        (random.Random(3).randbytes(100_000), AudioErrorCode.UNSUPPORTED_FORMAT),
        (b"O", AudioErrorCode.UNSUPPORTED_FORMAT),
        (b"\x1a\x45\xdf\xa3" + bytes(50_000), AudioErrorCode.CORRUPT_AUDIO),
        (media(Format("mp4", "aac"), 16_000), AudioErrorCode.CORRUPT_AUDIO),
        (big_endian_wav(), AudioErrorCode.UNSUPPORTED_FORMAT),
    ],
    ids=["text", "noise", "one byte", "damaged header", "index at the end", "big-endian WAV"],
)
async def test_what_cannot_be_decoded(stream: ContainerStream, data: bytes, code: AudioErrorCode) -> None:
    assert await refusal(stream, ragged(data, seed=4, longest=20_000)) == code


async def test_noise_is_refused_while_it_comes(stream: ContainerStream) -> None:
    async def push_much() -> None:
        noise = random.Random(5)
        for _ in range(40):
            await stream.push(noise.randbytes(5_000))

    with pytest.raises(AudioError):
        await push_much()


async def test_a_stream_that_turns_to_noise_does_not_stall_for_ever(
    stream: ContainerStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_stream, "_MAX_BARREN_BYTES", 200_000)
    noise = random.Random(6).randbytes(600_000)
    assert await refusal(stream, [media(WEBM, 48_000)[:9_000], *ragged(noise, 7, 20_000)]) == "corrupt_audio"


async def test_a_few_bytes_cannot_become_hours(stream: ContainerStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_process, "_MAX_SECONDS", 20.0)
    data = media(Format("flac", "flac"), 48_000, wave=silence(48_000, 60.0))
    assert await refusal(stream, [data]) == AudioErrorCode.AUDIO_TOO_LONG


@pytest.mark.parametrize("seed", range(8))
async def test_damaged_bytes_end_in_samples_or_an_audio_error(stream: ContainerStream, seed: int) -> None:
    damage, data = random.Random(seed), bytearray(media(FORMATS[seed % 4], 48_000))
    for _ in range(40):
        data[damage.randrange(len(data))] = damage.randrange(256)
    try:
        samples = await decoded(stream, ragged(bytes(data), seed))
    except AudioError:
        return
    assert np.isfinite(samples).all()


def child_of(stream: ContainerStream) -> Child:
    assert stream._process is not None
    return stream._process._process


async def test_the_decoder_ends_with_the_stream(stream: ContainerStream) -> None:
    await stream.push(media(WEBM, 48_000)[:5_000])
    process = child_of(stream)
    stream.close()
    stream.close()
    assert process.returncode == -signal.SIGKILL
    assert (await stream.push(b"more")).size == (await stream.flush()).size == 0


async def test_a_decoder_leaves_when_the_server_is_gone(stream: ContainerStream) -> None:
    await stream.push(media(WEBM, 48_000)[:5_000])
    process = child_of(stream)
    assert stream._process is not None
    stream._process._pipe.close()
    assert await asyncio.to_thread(process.wait, 60) == 0


# --------------------------------------------------------------------------------------------------- decoders that die

OPUS_PACKETS = RawAudio(CodedEncoding.OPUS, 48_000, 1)


class Struck(DecoderDeaths):
    """Does something at every death."""

    def __init__(self, then: Callable[[], object] = int) -> None:
        super().__init__()
        self._then = then

    def note(self, death: DecoderDied) -> None:
        super().note(death)
        self._then()


async def struck(stream: ContainerStream, pieces: list[bytes], at: int, number: int = signal.SIGKILL) -> Floats:
    """What comes out although the decoder is sent a signal before the piece ``at``."""
    parts = []
    for place, piece in enumerate(pieces):
        if place == at:
            os.kill(child_of(stream).pid, number)
        parts.append(await stream.push(piece))
    if at == len(pieces):
        os.kill(child_of(stream).pid, number)
    parts.append(await stream.flush())
    return np.concatenate([part for part in parts if part.size], axis=1)


@pytest.mark.parametrize(
    ("form", "split"),
    [
        (WEBM, False),
        (Format("ogg", "libopus"), True),
        (Format("mp3", "libmp3lame"), False),
        (Format("flac", "flac"), True),
    ],
    ids=str,
)
async def test_the_samples_are_the_same_when_a_decoder_is_killed(form: Format, split: bool) -> None:
    pieces = ragged(media(form, 48_000, channels=2), seed=8)
    unharmed, died = ContainerStream(split=split), DecoderDeaths()
    try:
        expected = await rows(unharmed, pieces)
        for at in (len(pieces) // 2, len(pieces)):
            stream = ContainerStream(split=split, died=died)
            try:
                np.testing.assert_array_equal(await struck(stream, pieces, at), expected)
            finally:
                stream.close()
    finally:
        unharmed.close()
    assert died.counts["killed"] == 2


async def test_packets_go_to_the_next_decoder_one_by_one() -> None:
    with av.open(io.BytesIO(media(Format("ogg", "libopus"), 48_000)), "r") as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    unharmed, stream = ContainerStream(OPUS_PACKETS), ContainerStream(OPUS_PACKETS)
    try:
        np.testing.assert_array_equal(await struck(stream, packets, 40), await rows(unharmed, packets))
    finally:
        unharmed.close()
        stream.close()


async def test_a_decoder_that_is_stopped_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_process, "_WORK_SECONDS", 0.2)
    died = Struck(then=monkeypatch.undo)
    pieces = ragged(media(WEBM, 48_000), seed=9)
    stream = ContainerStream(died=died)
    try:
        (samples,) = await struck(stream, pieces, len(pieces) - 1, signal.SIGSTOP)
    finally:
        stream.close()
    assert_tones(samples)
    assert died.counts["hung"] == 1


async def test_a_long_stream_cannot_begin_again_and_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_history, "MAX_BYTES", 10_000)
    pieces = ragged(media(WEBM, 48_000), seed=10)
    stream = ContainerStream()
    try:
        with pytest.raises(DecoderFailed, match="too much was sent for another one to begin again"):
            await struck(stream, pieces, len(pieces) - 1)
    finally:
        stream.close()


@pytest.mark.parametrize(("number", "fault"), [(signal.SIGKILL, DecoderFailed), (signal.SIGSEGV, AudioError)])
async def test_the_second_death_at_the_same_piece_ends_the_stream(number: int, fault: type[Exception]) -> None:
    """If it was the decoder's own doing, twice, the stream is damaged; if not, nothing is known against it."""
    pieces = ragged(media(WEBM, 48_000), seed=11)
    stream = ContainerStream()
    start = ContainerProcess.start

    async def start_and_be_struck(process: ContainerProcess) -> None:
        await start(process)
        os.kill(process._process.pid, number)

    with pytest.MonkeyPatch.context() as patch:
        try:
            await stream.push(pieces[0] + pieces[1] + pieces[2])
            patch.setattr(ContainerProcess, "start", start_and_be_struck)
            with pytest.raises(fault):
                await struck(stream, pieces[3:], 0, number)
        finally:
            stream.close()


async def test_a_new_decoder_may_die_again_later() -> None:
    """Only deaths at the same piece count together."""
    pieces = ragged(media(WEBM, 48_000), seed=12)
    died = DecoderDeaths()
    stream = ContainerStream(died=died)
    try:
        parts = []
        for place, piece in enumerate(pieces):
            parts.append(await stream.push(piece))
            if place in (5, 10, 15):
                os.kill(child_of(stream).pid, signal.SIGKILL)
        parts.append(await stream.flush())
    finally:
        stream.close()
    assert_tones(np.concatenate([part for part in parts if part.size], axis=1)[0])
    assert died.counts["killed"] == 3


STEREO = [WEBM, Format("ogg", "libopus"), Format("flac", "flac"), Format("wav", "pcm_s16le"), Format("adts", "aac")]


@pytest.mark.parametrize("form", STEREO, ids=str)
async def test_channels_that_are_split_are_those_of_the_file(form: Format) -> None:
    data = media(form, 48_000, channels=2)
    stream = ContainerStream(split=True)
    try:
        left, right = await rows(stream, ragged(data, seed=6))
    finally:
        stream.close()
    for channel, level in ((left, LEVELS[2][0]), (right, LEVELS[2][1])):
        assert_tones(channel * (AMPLITUDE / level))


async def test_one_channel_that_is_split_is_one(stream: ContainerStream) -> None:
    split = ContainerStream(split=True)
    try:
        data = media(WEBM, 48_000)
        np.testing.assert_array_equal(await rows(split, [data]), await rows(stream, [data]))
    finally:
        split.close()


async def test_a_recorder_that_starts_again_with_other_channels_is_heard_on_the_first() -> None:
    aac = Format("adts", "aac")
    two, one = media(aac, 48_000, channels=2), media(aac, 48_000)
    stream = ContainerStream(split=True)
    try:
        left, right = await rows(stream, [two, one])
    finally:
        stream.close()
    assert abs(left.size / 24_000 - 4) < 0.1
    assert left.size == right.size
    assert abs(amplitude(left[-40_000:-26_000], 440) / AMPLITUDE - 1) < 0.08
    assert not right[-40_000:].any()
