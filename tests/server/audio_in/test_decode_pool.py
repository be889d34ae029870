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
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest

from server.audio_in import process
from server.audio_in.deaths import DeathReason, DecoderDied, reason_of, verdict
from server.audio_in.decode_pool import DecodedAudio, DecodePool
from server.audio_in.errors import AudioError, AudioErrorCode, DecoderFailed, DecodeStopped
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


async def frozen_decode(pool: DecodePool) -> tuple[asyncio.Task[DecodedAudio], DecoderProcess]:
    """A decode that cannot go on, because its child is stopped."""
    child = await idle_child(pool)
    os.kill(child._process.pid, signal.SIGSTOP)
    task = asyncio.create_task(pool.decode(good_file(), LIMITS))
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


async def test_a_file_whose_child_is_killed_is_decoded_by_another(pool: DecodePool) -> None:
    """It says nothing about the file: memory ran short, or somebody's hand slipped."""
    task, child = await frozen_decode(pool)
    os.kill(child._process.pid, signal.SIGKILL)
    assert_tones((await task).channels[0])
    assert pool.deaths == {"killed": 1, "hung": 0, "crashed": 0, "start_failed": 0}
    assert child not in pool._idle


async def test_a_child_that_died_idle_is_replaced(pool: DecodePool) -> None:
    child = await idle_child(pool)
    os.kill(child._process.pid, signal.SIGKILL)
    child._process.wait()
    await assert_works(pool)


def lying(patch: pytest.MonkeyPatch) -> None:
    """From now on children are `lying_child`."""
    patch.setattr(process, "Child", lambda module, *pipes: Child(lying_child.__name__, *pipes))


def order(**orders: object) -> io.BytesIO:
    """A file for `lying_child`."""
    return io.BytesIO(json.dumps(orders).encode())


def test_whose_doing_the_end_of_a_process_is() -> None:
    own = (0, 1, *(-number for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGSYS)))
    assert {reason_of(status) for status in own} == {DeathReason.CRASHED}
    others = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)
    assert {reason_of(-number) for number in others} == {DeathReason.KILLED}


def test_one_crash_beside_another_death_is_no_verdict_on_the_audio() -> None:
    mixed = [DecoderDied(DeathReason.CRASHED), DecoderDied(DeathReason.KILLED)]
    assert isinstance(verdict(mixed), DecoderFailed)
    assert isinstance(verdict(mixed[:1] * 2), AudioError)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
async def test_a_file_that_makes_every_child_crash_is_damaged(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As files do that no version of a library foresaw. It harms nobody else."""
    with monkeypatch.context() as patch:
        lying(patch)
        with pytest.raises(AudioError) as caught:
            await pool.decode(order(signal=number), LIMITS)
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO
    assert pool.deaths["crashed"] == 2
    await assert_works(pool)


async def test_a_file_is_not_blamed_for_children_that_are_killed(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lying(patch)
        with pytest.raises(DecoderFailed) as caught:
            await pool.decode(order(signal=signal.SIGKILL), LIMITS)
    assert caught.value.retry_after > 0
    assert pool.deaths["killed"] == 2
    await assert_works(pool)


async def test_children_that_never_come_up(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(process, "Child", lambda module, *pipes: Child("no_such_module", *pipes))
        with pytest.raises(DecoderFailed):
            await pool.decode(good_file(), LIMITS)
    assert pool.deaths["start_failed"] == 2
    fields = vars(caplog.records[0])["fields"]
    assert fields["reason"] == "start_failed"
    assert "No module named no_such_module" in fields["last_words"]
    await assert_works(pool)


@pytest.mark.parametrize("say", ['r{"what": 1}', "r[]", 'e{"code": "x", "message": ""}', "r" * (2 << 20)])
async def test_a_child_that_says_what_cannot_be_sees_no_other_file(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch, say: str
) -> None:
    """Whoever took it over could say anything, and at any length."""
    with monkeypatch.context() as patch:
        lying(patch)
        with pytest.raises(AudioError) as caught:
            await pool.decode(order(say=say, written=10, reported=10), LIMITS)
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO
    assert pool.deaths["crashed"] == 2
    assert not pool._idle


async def test_an_upload_is_handed_over_for_reading_alone(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = json.dumps({"scribble": True, "written": 24_000, "reported": 24_000}).encode()
    lying(monkeypatch)
    with (tmp_path / "upload").open("w+b") as file:
        file.write(content)
        await pool.decode(file, LIMITS)
        assert (tmp_path / "upload").read_bytes() == content


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
        lying(patch)
        assert (await pool.decode(orders(24_000, 24_000), limits)).channels[0].size == 24_000
        with pytest.raises(AudioError) as caught:
            await pool.decode(orders(written, reported, rows), limits)
    assert caught.value.code == AudioErrorCode.CORRUPT_AUDIO
    await assert_works(pool)  # by a child that can be trusted


async def test_a_file_whose_child_is_stopped_is_decoded_by_another(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before its time is over: a process that does not compute will not come to an end."""
    child = await idle_child(pool)
    os.kill(child._process.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "_IDLE_SECONDS", 0.2)
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.05)
    async with asyncio.timeout(DEADLINE):
        audio = await pool.decode(good_file(), DecodeLimits(max_seconds=60, work_seconds=10 * DEADLINE))
    assert_tones(audio.channels[0])
    assert pool.deaths["hung"] == 1


async def test_a_file_is_not_blamed_for_children_that_are_stopped(
    pool: DecodePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_IDLE_SECONDS", 0.2)
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.05)
    lying(monkeypatch)
    with pytest.raises(DecoderFailed):
        await pool.decode(order(signal=signal.SIGSTOP), LIMITS)
    assert pool.deaths["hung"] == 2


async def test_a_file_that_keeps_its_child_busy_is_given_up(pool: DecodePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: another child would be kept as busy."""
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.5)
    monkeypatch.setattr(process, "_BUSY_SHARE", 0.01)
    with monkeypatch.context() as patch:
        lying(patch)
        with pytest.raises(AudioError) as caught:
            await pool.decode(order(spin=True), DecodeLimits(max_seconds=60, work_seconds=0.01))
    assert caught.value.code == AudioErrorCode.DECODE_TIMEOUT
    assert not any(pool.deaths.values())
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


async def test_a_process_that_was_prepared_is_the_one_that_decodes(pool: DecodePool) -> None:
    assert pool.pids == []
    for _ in range(3):
        pool.prepare()
    async with asyncio.timeout(DEADLINE):
        while not pool._idle:  # noqa: ASYNC110 - the thread that starts it tells nobody
            await asyncio.sleep(0.001)
    (prepared,) = pool.pids
    pool.prepare()
    async with pool.begin(good_file(), LIMITS) as decoding:
        await decoding.reach(1)
    assert pool.pids == [prepared]


async def test_nothing_is_prepared_in_a_pool_that_was_closed(pool: DecodePool) -> None:
    pool.close()
    pool.prepare()
    assert pool.pids == []
