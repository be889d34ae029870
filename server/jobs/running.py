"""Takes jobs and brings them on, so many at once as may be, while nobody else needs the model."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from server.jobs.changes import Changes
from server.jobs.failing import INTERNAL, TRIES, WAITS, retried_after
from server.jobs.folder import JobFolder
from server.jobs.host import Host
from server.jobs.job import Job, JobError
from server.jobs.work import JobTaken
from server.jobs.writing import KeptSegment
from server.opening import open_in_thread
from server.recordings.transcription import Transcription
from server.resources import BudgetSpent
from server.transcript.events import SpeechDelta
from server.transcript.logprobs import TokenLogprob

logger = logging.getLogger(__name__)

TICK: Final = 2.0
"""Seconds after which is looked again at what other processes may have changed."""
_LOST: Final = JobError("recording_lost", "The recording of this job is not on the disk any more.")
_DEATHS: Final = JobError(INTERNAL, "The server ended each time that it ran this job.")
TROUBLE: Final = (sqlite3.Error, OSError, BudgetSpent)
"""What a disk may answer at any time: it is tried again."""


@dataclass(slots=True)
class _Running:
    """``told``: seconds that are written down as heard. ``ending``: its end is being written, and then told."""

    job: Job
    task: asyncio.Task[None]
    transcription: Transcription | None = None
    told: float = 0.0
    ending: bool = False


class Running:
    """The jobs that this process has in work.

    Args:
        folder: whose jobs they are.
        most: at once.
        changes: is told of everything that becomes of them.
        on_end: hears of each that ended.
    """

    def __init__(
        self, folder: JobFolder, host: Host, changes: Changes, *, most: int, on_end: Callable[[Job], None]
    ) -> None:
        self._folder = folder
        self._host = host
        self._changes = changes
        self._most = most
        self._on_end = on_end
        self._wake = asyncio.Event()
        self._running: dict[int, _Running] = {}

    @property
    def count(self) -> int:
        """How many there are now."""
        return len(self._running)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; what is in work then waits for the next process, behind its last closed segment."""
        try:
            await self._host.wait_ready()
            while True:
                self._wake.clear()
                try:
                    await self._look()
                except TROUBLE as error:
                    logger.warning("jobs cannot be looked at: %s", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._wake.wait()
        finally:
            tasks = [running.task for running in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self, number: int) -> None:
        """If the job of this number is in work here, it is so no longer when this returns."""
        if (running := self._running.get(number)) is not None:
            running.task.cancel()
            await asyncio.wait([running.task])

    async def _look(self) -> None:
        folder = self._folder
        for runner in await folder.do(folder.work.runners):
            if await asyncio.to_thread(folder.runner.is_dead, runner):
                await self._inherit(runner)
        await self._keep_up()
        while len(self._running) < self._most and self._host.has_room():
            job = await folder.do(folder.work.claim)
            if job is None:
                return
            task = asyncio.create_task(self._do(job), name=job.id)
            self._running[job.number] = _Running(job, task)
            task.add_done_callback(partial(self._done, job.number))
            self._changes.tell(job.number)

    async def _inherit(self, runner: str) -> None:
        """What a process that ended had in work goes on, and what it had not written to its end is gone."""
        folder = self._folder
        for job_id in await folder.do(folder.work.written_by, runner):
            await asyncio.to_thread(folder.recordings.drop, job_id)
        if count := await folder.do(folder.work.put_back_from, runner):
            logger.info("jobs of a process that ended go on here", extra={"fields": {"jobs": count}})

    def _done(self, number: int, _: asyncio.Task[None]) -> None:
        del self._running[number]
        self._changes.tell(number)
        self.wake()

    async def _keep_up(self) -> None:
        """Stop what is not this process's any more, and write down how far the others are."""
        folder = self._folder
        mine = await folder.do(folder.work.mine)
        for number in mine - set(self._running):  # the disk was full when it should have been put back
            await folder.do(folder.work.put_back, number)
        for running in [each for each in self._running.values() if not each.ending]:
            if running.job.number not in mine:
                running.task.cancel()
            elif running.transcription is not None and running.transcription.heard_until > running.told:
                running.told = running.transcription.heard_until
                with suppress(JobTaken):
                    await folder.do(folder.work.progress, running.job, running.told)
                self._changes.tell(running.job.number)

    async def _do(self, job: Job) -> None:
        """One try."""
        folder = self._folder
        try:
            if job.failures >= TRIES:
                await self._fail(job, _DEATHS)
                return
            await self._transcribe(job)
        except JobTaken:
            return
        except asyncio.CancelledError:
            with suppress(JobTaken, *TROUBLE):
                await folder.do(folder.work.put_back, job.number)
            raise
        except Exception as error:
            with suppress(JobTaken, *TROUBLE):
                await self._went_wrong(job, error)

    async def _transcribe(self, job: Job) -> None:
        folder, work = self._folder, self._folder.work
        try:
            file = await open_in_thread(partial(folder.recordings.open, job.id))
        except FileNotFoundError:
            await self._fail(job, _LOST)
            return
        with file:
            begun = await folder.do(folder.store.begun, job)
            async with self._host.transcription(job, file, begun) as transcription:
                recording = transcription.recording
                await folder.do(work.heard, job, audio_seconds=recording.seconds, channels=recording.channels or 1)
                self._running[job.number].transcription = transcription
                await self._hear(job, transcription)
            assert transcription.transcript is not None
            self._running[job.number].ending = True
            ended = await folder.do(work.complete, job, transcription.transcript)
        await self._ended(ended)

    async def _hear(self, job: Job, transcription: Transcription) -> None:
        """Write down every segment before the next one is read: what was told of a job is on the disk."""
        folder = self._folder
        logprobs: list[TokenLogprob] = []
        async with aclosing(transcription.events()) as events:
            async for event in events:
                if isinstance(event, SpeechDelta):
                    logprobs += event.logprobs
                    continue
                kept = KeptSegment(event.segment, tuple(logprobs))
                logprobs.clear()
                await folder.do(
                    folder.work.close_segment,
                    job,
                    kept,
                    done_seconds=transcription.heard_until,
                    names=transcription.speaker_names,
                    standings=transcription.standings,
                )
                self._changes.tell(job.number)

    async def _went_wrong(self, job: Job, error: Exception) -> None:
        told, now = self._host.explain(error), await self._folder.do(self._folder.store.get, job.id)
        failures = 0 if now is None else now.failures + 1
        after = retried_after(told, failures)
        if after is None:
            await self._fail(job, told)
            return
        await self._folder.do(self._folder.work.put_back, job.number, after=after, failed=told.code not in WAITS)

    async def _fail(self, job: Job, error: JobError) -> None:
        self._running[job.number].ending = True
        await self._ended(await self._folder.do(self._folder.work.fail, job, error))

    async def _ended(self, job: Job) -> None:
        await asyncio.to_thread(self._folder.recordings.let_go, job.id)
        self._on_end(job)
        self._changes.tell(job.number)
