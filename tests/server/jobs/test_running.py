"""What becomes of jobs while others do not, and when their tries go wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import BinaryIO

import pytest

from server.jobs.changes import Changes
from server.jobs.failing import TRIES
from server.jobs.folder import JobFolder
from server.jobs.job import Job, JobError, JobStatus
from server.jobs.running import Running
from server.recordings.begun import Begun, Standing
from server.recordings.recording import Recording
from server.recordings.transcription import Transcription
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Segment, Transcript
from tests.server.jobs.conftest import SEGMENTS, Clock, Folders, accepted

INTERNAL = JobError("internal_error", "The server failed.")
POISON = JobError("poison_request", "It kills workers.")
DIED = JobError("worker_died", "The worker died.", retry_after=5.0)
FULL = JobError("overloaded", "Too much waits.", retry_after=7.0)


class Broken(Exception):  # noqa: N818 - it carries what is told
    def __init__(self, told: JobError) -> None:
        self.told = told


class ScriptedTranscription(Transcription):
    """Tells what is left of three segments, and goes wrong or stops behind some of them."""

    def __init__(self, begun: Begun, after: int, error: Exception | None, blocked: asyncio.Event) -> None:
        super().__init__(Recording(3.0), 3.0, 0.0)
        self._begun, self._after, self._error, self._blocked = begun.segments, after, error, blocked
        self._stood = begun.standing
        self._tell_until(begun.segments)

    @property
    def speaker_names(self) -> dict[int, str]:
        return {1: "Ada"}

    @property
    def standings(self) -> tuple[Standing, ...]:
        return (self._stood,)

    @property
    def first_token_at(self) -> float | None:
        return None

    def close(self) -> None:
        pass

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        for segment in SEGMENTS[len(self._begun) : len(self._begun) + self._after]:
            self._stood = replace(self._stood, told=segment.index, notes=(*self._stood.notes, segment.text))
            yield SegmentClosed(segment)
        if self._error is not None:
            raise self._error
        if len(self._begun) + self._after < len(SEGMENTS):
            await self._blocked.wait()
        self.transcript = Transcript(SEGMENTS, 3.0, notes=self._stood.notes, speaker_names={1: "Ada"})


class ScriptedHost:
    """A server. ``tries``: for each, how many segments come, and what happens then."""

    def __init__(self, *tries: tuple[int, JobError | None]) -> None:
        self.begun: list[Sequence[Segment]] = []
        self.ends: list[Job] = []
        self.room = True
        self.blocked = asyncio.Event()
        self._tries = list(tries)

    async def wait_ready(self) -> None:
        pass

    def has_room(self) -> bool:
        return self.room

    @asynccontextmanager
    async def transcription(self, job: Job, file: BinaryIO, begun: Begun) -> AsyncIterator[Transcription]:
        assert file.read() == b"abc"
        self.begun.append(begun.segments)
        after, told = self._tries.pop(0) if self._tries else (len(SEGMENTS), None)
        yield ScriptedTranscription(begun, after, None if told is None else Broken(told), self.blocked)

    def explain(self, error: Exception) -> JobError:
        assert isinstance(error, Broken)
        return error.told

    def ended(self, job: Job) -> None:
        self.ends.append(job)


def runner(folder: JobFolder, host: ScriptedHost, *, most: int = 2) -> Running:
    return Running(folder, host, Changes(), most=most, on_end=host.ended)


async def brought_on(folder: JobFolder, host: ScriptedHost) -> Job:
    """The only job after one try, or more where they come at once."""
    running = runner(folder, host)
    await running._look()
    await asyncio.gather(*(each.task for each in running._running.values()))
    return stands(folder)


def stands(folder: JobFolder) -> Job:
    (job,) = folder.store.listed("aa", most=9, behind=None, newest_first=False, status=None)
    return job


async def test_it_goes_on_behind_its_last_closed_segment(folder: JobFolder, clock: Clock) -> None:
    accepted(folder)
    host = ScriptedHost((2, DIED))
    waiting = await brought_on(folder, host)
    assert (waiting.status, waiting.segments, waiting.failures) == (JobStatus.QUEUED, 2, 1)
    clock.now += 5
    done = await brought_on(folder, host)
    assert host.begun == [(), SEGMENTS[:2]]
    assert done.status is JobStatus.COMPLETED
    transcript = folder.store.transcript(done)
    assert transcript is not None
    assert transcript.segments == SEGMENTS
    assert transcript.notes == tuple(segment.text for segment in SEGMENTS)
    assert transcript.speaker_names == {1: "Ada"}
    with pytest.raises(FileNotFoundError):
        folder.recordings.open(done.id)
    assert [job.id for job in host.ends] == [done.id]


@pytest.mark.parametrize(
    ("tries", "status", "failures"),
    [
        ([(0, POISON)], JobStatus.FAILED, 0),
        ([(0, INTERNAL)], JobStatus.QUEUED, 1),
        ([(0, INTERNAL)] * 2, JobStatus.FAILED, 1),
        ([(0, INTERNAL), (1, INTERNAL), (0, DIED)], JobStatus.QUEUED, 2),
        ([(0, DIED)] * (TRIES - 1), JobStatus.QUEUED, TRIES - 1),
        ([(0, DIED)] * TRIES, JobStatus.FAILED, TRIES - 1),
        ([(1, DIED)] * 3, JobStatus.QUEUED, 1),
        ([(0, FULL)] * 20, JobStatus.QUEUED, 0),
    ],
)
async def test_what_goes_wrong_is_tried_again_where_that_may_help(
    folder: JobFolder, clock: Clock, tries: list[tuple[int, JobError | None]], status: JobStatus, failures: int
) -> None:
    accepted(folder)
    host = ScriptedHost(*tries)
    for _ in tries:
        await brought_on(folder, host)
        clock.now += 3600
    now = stands(folder)
    assert (now.status, now.failures) == (status, failures)
    assert now.error == (tries[-1][1] if status is JobStatus.FAILED else None)


async def test_who_is_to_wait_is_not_begun_before(folder: JobFolder, clock: Clock) -> None:
    accepted(folder)
    host = ScriptedHost((0, FULL))
    await brought_on(folder, host)
    clock.now += 6.9
    await brought_on(folder, host)
    assert len(host.begun) == 1
    clock.now += 0.1
    assert (await brought_on(folder, host)).status is JobStatus.COMPLETED


async def test_one_over_which_servers_die_fails_in_the_end(folders: Folders) -> None:
    for number in range(TRIES):
        dead = folders.open()
        if not number:
            accepted(dead)
        assert dead.work.claim() is not None
        dead.runner.close()
        host = ScriptedHost()
        host.room = False
        await brought_on(folders.open(), host)
    failed = await brought_on(folders.open(), ScriptedHost())
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error.code == "internal_error"


async def test_only_so_many_are_in_work_and_none_without_room(folder: JobFolder) -> None:
    for number in range(3):
        accepted(folder, number)
    host = ScriptedHost(*[(1, None)] * 3)
    host.room = False
    running = runner(folder, host, most=2)
    await running._look()
    assert running.count == 0
    host.room = True
    await running._look()
    assert running.count == 2
    await running._look()
    assert running.count == 2
    host.blocked.set()
    await asyncio.gather(*(each.task for each in running._running.values()))
    await running._look()
    assert running.count == 1
    await asyncio.gather(*(each.task for each in running._running.values()))


async def heard(folder: JobFolder, segments: int) -> None:
    """Until so many are written down."""
    async with asyncio.timeout(60):
        while (await folder.do(stands, folder)).segments < segments:  # noqa: ASYNC110 - written by a thread
            await asyncio.sleep(0)


async def test_a_server_that_stops_leaves_its_jobs_to_others_at_once(folders: Folders) -> None:
    one, other = folders.open(), folders.open()
    accepted(one)
    host = ScriptedHost((2, None))
    task = asyncio.create_task(runner(one, host).run())
    await heard(one, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert stands(other).status is JobStatus.QUEUED
    assert stands(other).failures == 0
    assert (await brought_on(other, host)).status is JobStatus.COMPLETED
    assert host.begun[1] == SEGMENTS[:2]


@pytest.mark.parametrize("ended", ["cancel", "delete"])
async def test_a_job_that_another_process_ends_is_stopped(folders: Folders, ended: str) -> None:
    one, other = folders.open(), folders.open()
    job = accepted(one)
    host = ScriptedHost((1, None))
    running = runner(one, host)
    await running._look()
    await heard(one, 1)
    end: Callable[[str], object] = getattr(other.store, ended)
    end(job.id)
    await running._look()
    await asyncio.gather(*(each.task for each in running._running.values()), return_exceptions=True)
    assert running.count == 0
    assert host.ends == []


@pytest.mark.parametrize("told", [None, POISON])
async def test_who_looks_while_an_end_is_written_does_not_keep_it_from_being_told(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch, told: JobError | None
) -> None:
    accepted(folder)
    host, letting_go, looked = ScriptedHost((3, told)), threading.Event(), threading.Event()
    let_go = folder.recordings.let_go

    def slowly(job_id: str) -> None:
        letting_go.set()
        assert looked.wait(60)
        let_go(job_id)

    monkeypatch.setattr(folder.recordings, "let_go", slowly)
    running = runner(folder, host)
    await running._look()
    await asyncio.to_thread(letting_go.wait, 60)
    await running._look()  # it is nobody's any more
    looked.set()
    await asyncio.gather(*(each.task for each in running._running.values()), return_exceptions=True)
    assert [job.status for job in host.ends] == [JobStatus.COMPLETED if told is None else JobStatus.FAILED]
