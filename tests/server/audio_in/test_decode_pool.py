"""Decoding in other processes: results, errors, crashes, hangs, cancellation, and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np
import pytest

from server.audio_in import process
from server.audio_in.decode_pool import DecodePool
from server.audio_in.errors import AudioError, AudioErrorCode, DecodeStopped
from server.audio_in.launch import Child
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.process import DecoderProcess
from tests.server.audio_in import lying_child
from tests.server.audio_in.audio_media import LIMITS, Format, assert_tones, media, silence, tones

DATA = media(Format("wav", "pcm_s16le"), 16_000)
DEADLINE = 60


def good_file() -> io.BytesIO:
    return io.BytesIO(DATA)


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    with DecodePool(1) as pool:
        yield pool


async def idle_child(pool: DecodePool) -> DecoderProcess:
    """The pool's only child, after its first file."""
    await pool.decode(good_file(), LIMITS)
    (child,) = pool._idle
    return child


async def frozen_decode(pool: DecodePool) -> tuple[asyncio.Task[object], DecoderProcess]:
    """A decode that cannot go on, because its child is stopped."""
    child = await idle_child(pool)
    os.kill(child._process.pid, signal.SIGSTOP)
    task: asyncio.Task[object] = asyncio.create_task(pool.decode(good_file(), LIMITS))
    async with asyncio.timeout(DEADLINE):
        while pool._idle:  # noqa: ASYNC110 - the thread that takes the child tells nobody
            await asyncio.sleep(0.001)
    return task, child


async def assert_works(pool: DecodePool) -> None:
    assert_tones((await pool.decode(good_file(), LIMITS)).channels[0])


async def test_clips_and_errors_come_back(pool: DecodePool) -> None:
    good, bad = await asyncio.gather(
        pool.decode(good_file(), LIMITS),
        pool.decode(io.BytesIO(b"no audio"), LIMITS),
        return_exceptions=True,
    )
    assert not isinstance(good, BaseException)
    assert_tones(good.channels[0])
    assert (good.report.codec, good.report.source_rate, good.report.seconds) == ("pcm_s16le", 16_000, 2.0)
    assert isinstance(bad, AudioError)
    assert (bad.code, bad.message[:24]) == (AudioErrorCode.UNSUPPORTED_FORMAT, "The file is not audio or")


async def test_limits_reach_the_child(pool: DecodePool) -> None:
    with pytest.raises(AudioError) as caught:
        await pool.decode(good_file(), DecodeLimits(max_seconds=1, work_seconds=60))
    assert caught.value.code == AudioErrorCode.AUDIO_TOO_LONG


async def test_spooled_uploads_are_read_in_memory_and_on_disk(pool: DecodePool) -> None:
    for threshold in (len(DATA) + 1, 1):
        with tempfile.SpooledTemporaryFile(max_size=threshold) as file:
            file.write(DATA)
            assert_tones((await pool.decode(cast(BinaryIO, file), LIMITS)).channels[0])


async def test_one_child_serves_many_files(pool: DecodePool) -> None:
    child = await idle_child(pool)
    for _ in range(3):
        await assert_works(pool)
    assert pool._idle == [child]


async def test_a_child_that_dies_fails_its_file_alone(pool: DecodePool) -> None:
    task, child = await frozen_decode(pool)
    os.kill(child._process.pid, signal.SIGKILL)
    with pytest.raises(AudioError) as caught:
        await task
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO
    await assert_works(pool)


async def test_a_child_that_died_idle_is_replaced(pool: DecodePool) -> None:
    child = await idle_child(pool)
    os.kill(child._process.pid, signal.SIGKILL)
    child._process.wait()
    await assert_works(pool)


async def test_a_file_that_corrupts_memory_harms_nobody_else(pool: DecodePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which ends in an abort of the process, as that of files that no version of a library foresaw."""
    with monkeypatch.context() as patch:
        patch.setattr(process, "Child", lambda module, *pipes: Child(lying_child.__name__, *pipes))
        with pytest.raises(AudioError) as caught:
            await pool.decode(io.BytesIO(json.dumps({"abort": True}).encode()), LIMITS)
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO
    await assert_works(pool)


def orders(written: int, reported: int, rows: int = 1) -> io.BytesIO:
    """A file for `lying_child`."""
    return io.BytesIO(json.dumps({"written": written, "reported": reported, "rows": rows}).encode())


@pytest.mark.parametrize(
    ("written", "reported", "rows"),
    [
        (24_000, 24_001, 1),
        (24_000, 23_999, 1),
        (24_000, 0, 1),
        (24_001, 24_001, 1),
        (24_000, 24_000, 0),
        (24_000, 24_000, 2),
        (24_000, 24_000, 9),
        (24_000, 24_000, -1),
    ],
)
async def test_what_a_child_says_of_its_samples_is_checked(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch, written: int, reported: int, rows: int
) -> None:
    """Samples that it never wrote would be what lay in the server's memory; too many would fill it."""
    limits = DecodeLimits(max_seconds=1, work_seconds=60)
    with monkeypatch.context() as patch:
        patch.setattr(process, "Child", lambda module, *pipes: Child(lying_child.__name__, *pipes))
        assert (await pool.decode(orders(24_000, 24_000), limits)).channels[0].size == 24_000
        with pytest.raises(AudioError) as caught:
            await pool.decode(orders(written, reported, rows), limits)
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO
    await assert_works(pool)  # by a child that can be trusted


async def test_a_child_that_hangs_is_killed(pool: DecodePool, monkeypatch: pytest.MonkeyPatch) -> None:
    child = await idle_child(pool)
    os.kill(child._process.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.01)
    with pytest.raises(AudioError) as caught:
        await pool.decode(good_file(), DecodeLimits(max_seconds=60, work_seconds=0.01))
    assert caught.value.code == AudioErrorCode.DECODE_TIMEOUT
    monkeypatch.undo()
    await assert_works(pool)


async def test_cancelling_ends_the_decode_and_its_child(pool: DecodePool) -> None:
    task, child = await frozen_decode(pool)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert child._process.returncode == -signal.SIGKILL
    await assert_works(pool)


async def test_a_cancelled_job_in_the_queue_never_starts(pool: DecodePool) -> None:
    first, child = await frozen_decode(pool)
    second = asyncio.create_task(pool.decode(good_file(), LIMITS))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not first.done()
    os.kill(child._process.pid, signal.SIGCONT)
    await first


async def test_closing_ends_everything(pool: DecodePool) -> None:
    others = set(threading.enumerate())
    running, child = await frozen_decode(pool)
    queued = asyncio.create_task(pool.decode(good_file(), LIMITS))
    await asyncio.sleep(0)
    pool.close()
    assert child._process.returncode == -signal.SIGKILL
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name.startswith("decode")]
    outcomes = await asyncio.gather(running, queued, return_exceptions=True)
    assert all(isinstance(outcome, DecodeStopped) for outcome in outcomes)
    with pytest.raises(DecodeStopped):
        await pool.decode(good_file(), LIMITS)


async def test_a_child_leaves_when_the_server_is_gone(pool: DecodePool) -> None:
    child = await idle_child(pool)
    child._pipe.close()
    assert await asyncio.to_thread(child._process.wait, DEADLINE) == 0


SPLIT = Listening(split=True)


async def test_channels_come_each_for_itself(pool: DecodePool) -> None:
    left, right = tones(16_000, 1), silence(16_000, 2.0)
    data = media(Format("wav", "pcm_s16le"), 16_000, wave=np.concatenate([left, right]))
    audio = await pool.decode(io.BytesIO(data), LIMITS, SPLIT)
    assert_tones(audio.channels[0])
    assert audio.channels[1].shape == audio.channels[0].shape
    assert not audio.channels[1].any()
    await assert_works(pool)


async def test_channels_that_are_split_share_one_bound(pool: DecodePool) -> None:
    """Two may last as long as one recording may; more cannot fill the memory."""
    limits = DecodeLimits(max_seconds=2, work_seconds=60)
    stereo, surround = (media(Format("wav", "pcm_s16le"), 16_000, channels) for channels in (2, 6))
    assert len((await pool.decode(io.BytesIO(stereo), limits, SPLIT)).channels) == 2
    assert len((await pool.decode(io.BytesIO(surround), limits)).channels) == 1
    with pytest.raises(AudioError, match="6 channels of the audio are together longer than 4 seconds") as caught:
        await pool.decode(io.BytesIO(surround), limits, SPLIT)
    assert caught.value.code == AudioErrorCode.AUDIO_TOO_LONG
    await assert_works(pool)
