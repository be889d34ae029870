"""Files that are decoded as far as somebody asked."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Iterator
from math import inf

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE
from server.audio_in.decode_pool import DecodePool
from server.audio_in.encodings import PcmEncoding
from server.audio_in.errors import AudioError, AudioErrorCode, DecodeStopped
from server.audio_in.limits import PART_SECONDS, DecodeLimits
from server.audio_in.listening import Listening, RawAudio
from server.audio_in.tape import Tape
from tests.server.audio_in.audio_media import LIMITS, Format, clip_of, media, tones
from tests.support.processes import open_descriptors, opened_since

LENGTH = 40.0
WAV = Format("wav", "pcm_s16le")
FORMATS = {
    "mp3": Format("mp3", "libmp3lame"),
    "mp3 without a header": Format("mp3", "libmp3lame", options=(("write_xing", "0"),)),
    "m4a, its index at the end": Format("ipod", "aac"),
    "m4a, in fragments": Format("ipod", "aac", options=(("movflags", "frag_keyframe+empty_moov"),)),
    "webm": Format("webm", "libopus"),
    "webm of a recorder": Format("webm", "libopus", options=(("live", "1"),)),
    "ogg": Format("ogg", "libopus"),
    "adts": Format("adts", "aac"),
    "flac": Format("flac", "flac"),
    "wav": WAV,
}


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool(1) as pool:
        yield pool


def files() -> dict[str, bytes]:
    made = {name: media(form, 48_000, wave=tones(48_000, 1, LENGTH)) for name, form in FORMATS.items()}
    wav = bytearray(made["wav"])
    at = wav.index(b"data") + 4
    for size in (0, 0xFFFF_FFFF):
        wav[4:8] = wav[at : at + 4] = size.to_bytes(4, "little")
        made[f"wav of {size:x} bytes"] = bytes(wav)
    made["two in one"] = made["flac"] + made["flac"]
    return made


FILES = files()


@pytest.mark.parametrize("name", FILES)
async def test_parts_are_what_the_whole_is_and_its_length_is_known_before(pool: DecodePool, name: str) -> None:
    whole = clip_of(FILES[name])
    async with pool.begin(io.BytesIO(FILES[name]), LIMITS) as decoding:
        await decoding.reach(1)
        assert not decoding.over
        assert decoding.size / SAMPLE_RATE < PART_SECONDS + 2
        assert (await decoding.extent()).seconds == pytest.approx(whole.report.seconds, rel=0.06)
        await decoding.reach(inf)
        (tape,) = decoding.tapes
        np.testing.assert_array_equal(tape.stretch(0, tape.size), whole.samples)
        assert decoding.report == whole.report
        assert decoding.pid is None, "the process is free for others"


async def test_samples_without_a_container_tell_how_many_they_are(pool: DecodePool) -> None:
    listening = Listening(raw=RawAudio(PcmEncoding.MULAW, 8_000))
    async with pool.begin(io.BytesIO(bytes(range(100, 150)) * 8_000), LIMITS, listening) as decoding:
        await decoding.reach(1)
        assert (await decoding.extent()).seconds == 50.0


@pytest.mark.parametrize("name", ["webm of a recorder", "mp3 without a header", "adts", "two in one"])
async def test_what_is_too_long_is_known_without_decoding_it(pool: DecodePool, name: str) -> None:
    async with pool.begin(io.BytesIO(FILES[name]), DecodeLimits(30.0, 60.0)) as decoding:
        await decoding.reach(1)
        with pytest.raises(AudioError) as caught:
            await decoding.extent()
    assert caught.value.code is AudioErrorCode.AUDIO_TOO_LONG


async def test_nobody_waits_for_one_that_waits(pool: DecodePool) -> None:
    """There is one place."""
    async with pool.begin(io.BytesIO(FILES["wav"]), LIMITS) as decoding:
        await decoding.reach(1)
        assert (await pool.decode(io.BytesIO(FILES["wav"]), LIMITS)).report.seconds == LENGTH
        assert (pool.running, pool.waiting, decoding.over) == (0, 0, False)
        await decoding.reach(inf)
        assert decoding.size == LENGTH * SAMPLE_RATE


async def test_a_process_that_dies_is_replaced_at_its_place(pool: DecodePool) -> None:
    async with pool.begin(io.BytesIO(FILES["flac"]), LIMITS) as decoding:
        for seconds in (1, PART_SECONDS + 3, LENGTH - 1):
            await decoding.reach(seconds * SAMPLE_RATE)
            if decoding.pid is not None:
                os.kill(decoding.pid, signal.SIGKILL)
        await decoding.reach(inf)
        (tape,) = decoding.tapes
        np.testing.assert_array_equal(tape.stretch(0, tape.size), clip_of(FILES["flac"]).samples)


async def test_closing_the_pool_ends_those_that_wait() -> None:
    with DecodePool(1) as pool:
        decoding = pool.begin(io.BytesIO(FILES["wav"]), LIMITS)
        await decoding.reach(1)
        pid = decoding.pid
        assert pid is not None
        pool.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(DecodeStopped):
            await decoding.reach(inf)
        await decoding.close()


@pytest.mark.parametrize("asked", [1.0, inf])
def test_where_the_event_loop_ends_nothing_stays_open(asked: float) -> None:
    """The end of a loop cancels all tasks, and those once more that clean up already."""

    async def transcribe(pool: DecodePool) -> None:
        async with pool.begin(io.BytesIO(FILES["wav"]), LIMITS) as decoding:
            await decoding.reach(SAMPLE_RATE)
            decoding.expect(asked)
            left.append(decoding.pid)
            begun.set()
            await asyncio.Event().wait()

    async def leave(pool: DecodePool) -> None:
        task = asyncio.create_task(transcribe(pool))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)

    left: list[int | None] = []
    begun = asyncio.Event()
    with DecodePool(1) as pool:
        before = open_descriptors()
        asyncio.run(leave(pool))
        assert left[0] is not None
        with pytest.raises(ProcessLookupError):
            os.kill(left[0], 0)
        assert not opened_since(before)


def test_a_tape_keeps_what_is_looked_at_and_gives_back_what_is_forgotten() -> None:
    samples = np.arange(400_000, dtype=np.float32)
    tape, source = Tape(10.0), Tape(1e9)
    for start in range(0, samples.size, 100_000):
        os.pwrite(source._file.fileno(), samples[start : start + 100_000].tobytes(), 0)
        tape.take(source._file, 100_000)
        looked = tape.stretch(start + 7, start + 90_007)
        tape.forget(start + 50_000)
        np.testing.assert_array_equal(looked[50_000:], samples[start + 50_007 : start + 90_007])
    np.testing.assert_array_equal(tape.stretch(0, 1 << 40), samples[350_000:])
    assert 512 * os.fstat(tape._file.fileno()).st_blocks < 0.3 * samples.nbytes
    tape.keep_on_disk()
    np.testing.assert_array_equal(tape.stretch(350_000, 400_000), samples[350_000:])
    tape.close()
    source.close()
