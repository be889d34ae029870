"""From a recording that somebody brought to a job that outlives this process."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from server.jobs.folder import JobFolder
from server.jobs.job import Job, NewJob
from server.jobs.limits import JobLimits


class Accepting:
    """Accepts jobs into a folder.

    Args:
        limits: what they may take.
        name: stands in their ids, where other servers have folders of their own.
    """

    def __init__(self, folder: JobFolder, limits: JobLimits, name: str | None) -> None:
        self._folder = folder
        self._limits = limits
        self._name = name

    async def accept(self, new: NewJob, recording: BinaryIO) -> tuple[Job, bool]:
        """A job with this recording, and whether it is new. See `Jobs.accept`.

        Whoever is cancelled meanwhile waits to the end: a thread that writes and a transaction cannot be interrupted.
        """
        accepting = asyncio.create_task(self._accept(new, recording))
        try:
            return await asyncio.shield(accepting)
        except asyncio.CancelledError:
            await asyncio.wait([accepting])
            raise

    async def _accept(self, new: NewJob, recording: BinaryIO) -> tuple[Job, bool]:
        folder = self._folder
        if (known := await folder.do(folder.store.repeated, new)) is not None:
            return known, False
        job_id = "_".join(filter(None, ("job", self._name, secrets.token_hex(12))))
        async with self._room(job_id, recording.seek(0, 2)):
            await asyncio.to_thread(folder.recordings.keep, job_id, recording)
            job = await folder.do(folder.store.accept, job_id, new)
        if job.id != job_id:
            await asyncio.to_thread(folder.recordings.drop, job_id)
        return job, job.id == job_id

    @asynccontextmanager
    async def _room(self, job_id: str, octets: int) -> AsyncIterator[None]:
        """On the disk, before anything is written; what was written is gone where it becomes no job.

        Raises QueueFull, BudgetSpent.
        """
        folder, limits = self._folder, self._limits
        giving_way = await folder.do(
            folder.store.reserve,
            job_id,
            octets,
            folder.runner.name,
            most_octets=limits.octets,
            most_queued=limits.queued,
        )
        try:
            for other in giving_way:
                await asyncio.to_thread(folder.recordings.drop, other)
            yield
        except Exception:
            await asyncio.to_thread(folder.recordings.drop, job_id)
            await folder.do(folder.store.release, job_id)
            raise
