"""What is told of a job to whoever follows it: all of the past first, then what happens, until its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Final

from server.jobs.changes import Changes
from server.jobs.folder import JobFolder
from server.jobs.job import Job
from server.jobs.writing import KeptSegment
from server.transcript.segments import Transcript

_LOOK: Final = 1.0
"""Seconds after which is looked again: another process may have the job in work."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is new of a job.

    Attributes:
        job: as it stands.
        first: place of the first of ``segments`` among all that are closed.
        segments: that were closed since.
        transcript: of a job that is completed; the last that is told of it.
    """

    job: Job
    first: int
    segments: tuple[KeptSegment, ...] = ()
    transcript: Transcript | None = None


async def follow(folder: JobFolder, changes: Changes, job: Job, stopped: asyncio.Event) -> AsyncGenerator[Told, None]:
    """Ends with the job, and before it when that is forgotten or ``stopped`` is set.

    What was told once is not taken back: it is on the disk.
    """
    place, before = 0, None
    while True:
        now = await folder.do(folder.store.get, job.id)
        if now is None:
            return
        segments = tuple(await folder.do(folder.store.segments, now, place))
        transcript = await folder.do(folder.store.transcript, now) if now.status.ended else None
        seen = replace(now, delivery=None)
        if segments or seen != before:
            yield Told(now, place, segments, transcript)
        place, before = place + len(segments), seen
        if now.status.ended or stopped.is_set():
            return
        await changes.wait(now.number, _LOOK)
