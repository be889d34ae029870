"""The room's door: whoever has a job to be done, or wants to know of one, comes in here."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

from server.jobs.accepting import Accepting
from server.jobs.changes import Changes
from server.jobs.delivering import Delivering
from server.jobs.folder import JobFolder
from server.jobs.following import Told, follow
from server.jobs.host import Host
from server.jobs.job import Job, JobStatus, NewJob
from server.jobs.limits import JobLimits
from server.jobs.running import TROUBLE, Running
from server.jobs.store import QueueFull
from server.jobs.webhooks.sender import Sender
from server.opening import open_in_thread
from server.resources import BudgetSpent, Resource
from server.transcript.segments import Transcript

logger = logging.getLogger(__name__)

_ID: Final = re.compile(r"job_(?:([a-z0-9-]+)_)?[0-9a-f]{24}")
_SWEEP: Final = 60.0
_FIGURES: Final = 2.0


class NoSuchJob(Exception):  # noqa: N818 - it says what there is
    """There is no job of this id, or it is somebody else's."""


class JobElsewhere(Exception):  # noqa: N818 - it says where the job is
    """The job was accepted by other servers. ``name``: what theirs are called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class JobFigures:
    """How many there are, as of some seconds ago.

    Attributes:
        octets: of their recordings.
        spare: of these, that give way to new ones.
        oldest: when the job was accepted that has waited longest.
    """

    counts: dict[JobStatus, int] = field(default_factory=lambda: dict.fromkeys(JobStatus, 0))
    octets: int = 0
    spare: int = 0
    oldest: float | None = None


class Jobs:
    """The jobs in one folder. For one event loop.

    Args:
        folder: where they are kept.
        host: the server around them.
        limits: what they may take.
        sender: of messages to webhooks.
        clock: Unix time in seconds.
        name: of the servers that share the folder, where others have folders of their own.

    Attributes:
        figures: for metrics, and for who is better told at the door.
    """

    def __init__(
        self,
        folder: JobFolder,
        host: Host,
        limits: JobLimits,
        sender: Sender,
        clock: Callable[[], float],
        name: str | None = None,
    ) -> None:
        self.limits = limits
        self.figures = JobFigures()
        self.sender = sender
        self.clock = clock
        self._folder = folder
        self._name = name
        self._changes = Changes()
        self._accepting = Accepting(folder, limits, name)
        self._host = host
        self._running = Running(folder, host, self._changes, most=limits.running, on_end=self._ended)
        self._delivering = Delivering(folder, sender, self._changes, clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._work: asyncio.Task[None] | None = None
        self._resting = asyncio.Event()

    @property
    def running(self) -> int:
        """Jobs that this process has in work."""
        return self._running.count

    @property
    def messages(self) -> int:
        """To webhooks, that are still to be taken."""
        return self._delivering.pending

    async def start(self) -> None:
        """Take up what there is."""
        await self._count()
        self._work = asyncio.create_task(self._running.run(), name="jobs")
        self._tasks = [
            asyncio.create_task(each, name=name)
            for name, each in {
                "job-webhooks": self._delivering.run(),
                "job-figures": self._again(self._count, _FIGURES),
                "job-expiry": self._again(self._sweep, _SWEEP),
            }.items()
        ]

    async def rest(self) -> None:
        """Nothing is brought on any more: what is in work waits for another process, behind its last closed segment.

        Everything can still be asked; streams of events end, so that their clients go on elsewhere.
        """
        self._resting.set()
        self._changes.tell_all()
        await _end([] if self._work is None else [self._work])

    async def close(self) -> None:
        """Nothing is asked any more either."""
        await self.rest()
        await _end(self._tasks)
        await self._folder.close()

    # --------------------------------------------------------------------------------------------------- for clients

    def check_room(self, octets: int) -> None:
        """Raise what `accept` would raise for a recording of so many bytes: for who is better told before it comes."""
        if self.figures.octets - self.figures.spare + octets > self.limits.octets:
            raise BudgetSpent(Resource.DISK)
        if self.figures.counts[JobStatus.QUEUED] >= self.limits.queued:
            raise QueueFull

    async def accept(self, new: NewJob, recording: BinaryIO) -> tuple[Job, bool]:
        """Have a job done. When this returns it is on the disk, and so is its recording.

        Returns the job, and whether it is new: the same request may have made it before.

        Raises KeyReused, QueueFull, BudgetSpent.
        """
        job, is_new = await self._accepting.accept(new, recording)
        if is_new:
            self._running.wake()
        return job, is_new

    async def get(self, job_id: str, owner: str) -> Job:
        """One of this owner's. Raises NoSuchJob, JobElsewhere."""
        known = _ID.fullmatch(job_id)
        if known is not None and known[1] not in (None, self._name):
            raise JobElsewhere(known[1])
        job = None if known is None else await self._folder.do(self._folder.store.get, job_id)
        if job is None or not secrets.compare_digest(job.owner, owner):
            raise NoSuchJob
        return job

    async def listed(
        self,
        owner: str,
        *,
        most: int,
        behind: str | None = None,
        newest_first: bool = True,
        status: JobStatus | None = None,
    ) -> tuple[list[Job], bool]:
        """Jobs of this owner behind another one, and whether there are more. Raises NoSuchJob, JobElsewhere."""
        after = None if behind is None else (await self.get(behind, owner)).number
        jobs = await self._folder.do(
            self._folder.store.listed, owner, most=most + 1, behind=after, newest_first=newest_first, status=status
        )
        return jobs[:most], len(jobs) > most

    async def transcript(self, job: Job) -> Transcript | None:
        """Of one that is completed, and has not expired."""
        return await self._folder.do(self._folder.store.transcript, job)

    async def recording(self, job: Job) -> BinaryIO | None:
        """Its file, opened: it can be read to its end, whatever becomes of the job. None: it is not kept any more."""
        if job.has_recording:
            with suppress(FileNotFoundError):
                return await open_in_thread(partial(self._folder.recordings.open, job.id))
        return None

    def follow(self, job: Job) -> AsyncGenerator[Told, None]:
        """See `follow`; it stops when this process does."""
        return follow(self._folder, self._changes, job, self._resting)

    async def cancel(self, job: Job) -> Job:
        """Have no more done for it. One that has ended stays as it is."""
        now = await self._folder.do(self._folder.store.cancel, job.id)
        if now is None:
            raise NoSuchJob
        await self._running.stop(job.number)
        await asyncio.to_thread(self._folder.recordings.let_go, job.id)
        self._changes.tell(job.number)
        self._delivering.wake()
        return now

    async def delete(self, job: Job) -> None:
        """Have no more done for it, and forget it; nobody is told of that by a webhook."""
        await self._folder.do(self._folder.store.delete, job.id)
        await self._running.stop(job.number)
        await asyncio.to_thread(self._folder.recordings.drop, job.id)
        self._changes.tell(job.number)

    # -------------------------------------------------------------------------------------------------- housekeeping

    def _ended(self, job: Job) -> None:
        self._host.ended(job)
        self._delivering.wake()

    async def _again(self, what: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            with suppress(*TROUBLE):
                await what()
            await asyncio.sleep(seconds)

    async def _count(self) -> None:
        do, store = self._folder.do, self._folder.store
        self.figures = JobFigures(
            await do(store.counts), await do(store.held), await do(store.spare), await do(store.oldest_queued)
        )

    async def _sweep(self) -> None:
        do, folder = self._folder.do, self._folder
        if expired := await do(folder.store.expire, self.clock() - self.limits.retention_seconds):
            logger.info("jobs have expired", extra={"fields": {"jobs": expired}})
        await asyncio.to_thread(folder.recordings.drop_others, await do(folder.store.with_recordings))
        await asyncio.to_thread(folder.runner.tidy)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
