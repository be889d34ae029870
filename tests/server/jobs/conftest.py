"""Folders of jobs, with a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from server.jobs.folder import JobFolder
from server.jobs.job import Job, NewJob
from server.recordings.begun import Answered, Standing
from server.transcript.repeats import LoopFound, LoopOutcome
from server.transcript.repetition import LoopKind
from server.transcript.segments import Segment, Transcript, Usage

MODEL = "tiny"
NEW = NewJob(owner="aa", model=MODEL, parameters="{}", digest="")
SEGMENTS = (
    Segment(0, 0.0, 1.0, 0, "Good morning.", -0.5, (1, 2)),
    Segment(1, 1.0, 2.0, None, "[Silence]"),
    Segment(2, 2.0, 3.0, 1, "Grün \u2028 ]]", None, (3,), 1),
)
LOOPS = (LoopFound(1.5, 2.0, LoopKind.WORDS, LoopOutcome.RETRIED, 2, channel=1),)
TRANSCRIPT = Transcript(
    SEGMENTS, 3.0, usage=Usage(1, 2, 3), notes=("It was cut.",), speaker_names={1: "Ada"}, loops=LOOPS
)

STOOD = Standing(1, 0.5, 1, 2, Usage(1, 2, 3), ("It was cut.",), LOOPS, complete=False, answered=Answered((7, 8), 2))


@dataclass
class Clock:
    """``now``: in Unix time."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Folders:
    """Processes that share a folder, as far as files can tell."""

    def __init__(self, place: Path, clock: Clock) -> None:
        self.place = place
        self.opened: list[JobFolder] = []
        self._clock = clock

    def open(self, model: str = MODEL, *, keeps_recordings: bool = False) -> JobFolder:
        self.opened.append(JobFolder(self.place, model, self._clock, keeps_recordings=keeps_recordings))
        return self.opened[-1]


@pytest.fixture
async def folders(tmp_path: Path, clock: Clock) -> AsyncIterator[Folders]:
    made = Folders(tmp_path, clock)
    yield made
    for folder in made.opened:
        await folder.close()


@pytest.fixture
def folder(folders: Folders) -> JobFolder:
    return folders.open()


def accepted(folder: JobFolder, number: int = 0, **told: Any) -> Job:
    """A job with a recording of three bytes."""
    job_id = f"job_{number:024x}"
    folder.store.reserve(job_id, 3, folder.runner.name, most_octets=100, most_queued=100)
    folder.recordings.keep(job_id, BytesIO(b"abc"))
    return folder.store.accept(job_id, replace(NEW, **told))
