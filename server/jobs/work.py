"""Jobs as those see them who do them: taken, brought on segment by segment, ended or put back.

Several processes may take jobs out of one folder. What one says of a job counts only while the job is its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from server.jobs.database import Database
from server.jobs.job import Job, JobError, JobStatus
from server.jobs.writing import KeptSegment, write_names, write_result, write_segment, write_standings
from server.recordings.begun import Standing
from server.transcript.segments import Transcript

_NEXT: Final = """
SELECT number FROM jobs
WHERE status = 'queued' AND due_at <= :now AND model = :model
ORDER BY urgent DESC,
    (SELECT count(*) FROM jobs AS others WHERE others.status = 'in_progress' AND others.owner = jobs.owner),
    number
LIMIT 1
"""


class JobTaken(Exception):  # noqa: N818 - it says whose the job is
    """The job is not this runner's any more: it was cancelled, or another process took it for dead."""


class Work:
    """The jobs of one folder, for one runner. For the thread of its database. All but `claim` may raise JobTaken.

    Args:
        database: of the folder.
        runner: the name of this process.
        model: that it has.
    """

    def __init__(self, database: Database, runner: str, model: str) -> None:
        self._db = database
        self._runner = runner
        self._model = model

    def claim(self) -> Job | None:
        """The next job, which is in progress from now on: urgent ones first, then those of owners with fewer jobs in
        work, then the oldest."""
        now = self._db.clock()
        with self._db.transaction():
            rows = self._db.rows(_NEXT, {"now": now, "model": self._model})
            if not rows:
                return None
            number = rows[0]["number"]
            self._db.change(
                "UPDATE jobs SET status = ?, runner = ?, started_at = coalesce(started_at, ?), pace_at = NULL "
                "WHERE number = ?",
                (JobStatus.IN_PROGRESS, self._runner, now, number),
            )
        return self._db.job(number)

    def heard(self, job: Job, *, audio_seconds: float, channels: int) -> None:
        """The recording was read."""
        self._update(
            job.number,
            "audio_seconds = ?, channels = ?, pace_at = ?, pace_from = done_seconds",
            (audio_seconds, channels, self._db.clock()),
        )

    def progress(self, job: Job, done_seconds: float) -> None:
        """So much of it is heard for good."""
        self._update(job.number, "done_seconds = max(done_seconds, ?)", (done_seconds,))

    def close_segment(
        self,
        job: Job,
        kept: KeptSegment,
        *,
        done_seconds: float,
        names: Mapping[int, str],
        standings: Sequence[Standing] = (),
    ) -> None:
        """Its next segment, and where its transcription stands behind that."""
        with self._db.transaction():
            self._update(
                job.number,
                "done_seconds = max(done_seconds, ?), speaker_names = ?, standings = ?, failures = 0",
                (done_seconds, write_names(names), write_standings(standings)),
            )
            self._db.change(
                "INSERT INTO segments (job, place, segment) "
                "SELECT ?, coalesce(max(place) + 1, 0), ? FROM segments WHERE job = ?",
                (job.number, write_segment(kept), job.number),
            )

    def complete(self, job: Job, transcript: Transcript) -> Job:
        """It is done."""
        with self._db.transaction():
            self._update(
                job.number,
                "result = ?, speaker_names = ?, standings = '[]', done_seconds = coalesce(audio_seconds, done_seconds)",
                (write_result(transcript), write_names(transcript.speaker_names)),
            )
            self._db.end(job.number, JobStatus.COMPLETED)
        return self._db.job(job.number)

    def fail(self, job: Job, error: JobError) -> Job:
        """It cannot be done."""
        with self._db.transaction():
            self._update(job.number, "error = ?", (json.dumps(asdict(error)),))
            self._db.end(job.number, JobStatus.FAILED)
        return self._db.job(job.number)

    def put_back(self, number: int, *, after: float = 0.0, failed: bool = False) -> None:
        """The job of this number waits again, for so many seconds at least. ``failed``: this try went wrong."""
        self._update(
            number,
            "status = ?, runner = NULL, due_at = ?, failures = failures + ?, pace_at = NULL",
            (JobStatus.QUEUED, self._db.clock() + after, int(failed)),
        )

    def written_by(self, runner: str) -> list[str]:
        """Ids of jobs whose recordings this runner began to write, and that never came to be."""
        return [row["id"] for row in self._db.rows("SELECT id FROM reservations WHERE runner = ?", (runner,))]

    def put_back_from(self, runner: str) -> int:
        """What a dead runner had in work waits again, and what it reserved is free. Returns how many jobs wait."""
        self._db.change("DELETE FROM reservations WHERE runner = ?", (runner,))
        return self._db.change(
            "UPDATE jobs SET status = ?, runner = NULL, failures = failures + 1, pace_at = NULL "
            "WHERE status = ? AND runner = ?",
            (JobStatus.QUEUED, JobStatus.IN_PROGRESS, runner),
        )

    def runners(self) -> set[str]:
        """Who has jobs in work, or writes down their recordings."""
        rows = self._db.rows(
            "SELECT runner FROM jobs WHERE status = ? UNION SELECT runner FROM reservations", (JobStatus.IN_PROGRESS,)
        )
        return {row["runner"] for row in rows}

    def mine(self) -> set[int]:
        """The numbers of the jobs that this runner has in work."""
        rows = self._db.rows(
            "SELECT number FROM jobs WHERE status = ? AND runner = ?", (JobStatus.IN_PROGRESS, self._runner)
        )
        return {row["number"] for row in rows}

    def _update(self, number: int, assignments: str, values: Sequence[Any]) -> None:
        changed = self._db.change(
            f"UPDATE jobs SET {assignments} WHERE number = ? AND runner = ? AND status = 'in_progress'",  # noqa: S608 - of this file
            (*values, number, self._runner),
        )
        if not changed:
            raise JobTaken
