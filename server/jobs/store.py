"""Jobs as clients see them: accepted, looked at, cancelled, forgotten."""

from __future__ import annotations

import secrets
from typing import Final

from server.jobs.database import Database
from server.jobs.job import DeliveryStatus, Job, JobStatus, NewJob
from server.jobs.writing import KeptSegment, read_segment, read_standings, read_transcript
from server.recordings.begun import Begun
from server.resources import BudgetSpent, Resource
from server.transcript.segments import Transcript

_GIVE_WAY: Final = """
SELECT id, octets FROM jobs WHERE status NOT IN ('queued', 'in_progress') AND octets > 0 ORDER BY finished_at
"""
_WITH_RECORDINGS: Final = """
SELECT id FROM jobs WHERE status IN ('queued', 'in_progress') OR octets > 0 UNION SELECT id FROM reservations
"""


class KeyReused(Exception):  # noqa: N818 - it says what was done with the key
    """The idempotency key was used for another request."""


class QueueFull(Exception):  # noqa: N818 - as the others are named
    """The queue of jobs is full."""


class JobStore:
    """The jobs of one folder. For the thread of its database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def reserve(self, job_id: str, octets: int, runner: str, *, most_octets: int, most_queued: int) -> list[str]:
        """Take room for a job of this id before anything of its recording is written.

        Args:
            octets: of its recording.
            runner: who writes it; with that process ends what it has reserved.
            most_octets: that all recordings may have together; those of jobs that have ended give way, the oldest
                first.
            most_queued: jobs that may wait.

        Returns the ids of jobs whose recordings are to be dropped for it. Raises BudgetSpent, QueueFull.
        """
        with self._db.transaction():
            ((reserved,),) = self._db.rows("SELECT count(*) FROM reservations")
            if self._count(JobStatus.QUEUED) + reserved >= most_queued:
                raise QueueFull
            dropped = self._give_way(self.held() + octets - most_octets)
            self._db.change("INSERT INTO reservations VALUES (?, ?, ?)", (job_id, runner, octets))
        return dropped

    def _give_way(self, octets: int) -> list[str]:
        """Count so many bytes less for recordings that are only kept to be listened to. Raises BudgetSpent."""
        dropped: list[str] = []
        for row in self._db.rows(_GIVE_WAY):
            if octets <= 0:
                break
            octets -= row["octets"]
            dropped.append(row["id"])
        if octets > 0:
            raise BudgetSpent(Resource.DISK)
        for job_id in dropped:
            self._db.change("UPDATE jobs SET octets = 0 WHERE id = ?", (job_id,))
        return dropped

    def release(self, job_id: str) -> None:
        """Give back what was reserved for a job that does not come to be. Harmless when repeated."""
        self._db.change("DELETE FROM reservations WHERE id = ?", (job_id,))

    def accept(self, job_id: str, new: NewJob) -> Job:
        """Have a job of this id, for which there is a reservation, or the one that the same request made before.

        Raises KeyReused, BudgetSpent; then the reservation stays.
        """
        with self._db.transaction():
            ((octets,),) = self._db.rows("DELETE FROM reservations WHERE id = ? RETURNING octets", (job_id,))
            if (known := self.repeated(new)) is not None:
                return known
            ((number,),) = self._db.rows(
                "INSERT INTO jobs (id, owner, model, status, parameters, digest, urgent, filename, idempotency_key, "
                "octets, created_at, trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
                (
                    job_id,
                    new.owner,
                    new.model,
                    JobStatus.QUEUED,
                    new.parameters,
                    new.digest,
                    new.urgent,
                    new.filename,
                    new.idempotency_key,
                    octets,
                    self._db.clock(),
                    new.trace,
                ),
            )
            if new.webhook_url is not None:
                self._db.change(
                    "INSERT INTO deliveries (job, message, url, status) VALUES (?, ?, ?, ?)",
                    (number, f"msg_{secrets.token_hex(12)}", new.webhook_url, DeliveryStatus.WAITING),
                )
        return self._db.job(number)

    def repeated(self, new: NewJob) -> Job | None:
        """The job that the same request made before. Raises KeyReused where it was another request."""
        if new.idempotency_key is None:
            return None
        found = self._find("jobs.owner = ? AND jobs.idempotency_key = ?", new.owner, new.idempotency_key)
        if found is not None and found.digest != new.digest:
            raise KeyReused
        return found

    def get(self, job_id: str) -> Job | None:
        return self._find("jobs.id = ?", job_id)

    def listed(
        self, owner: str, *, most: int, behind: int | None, newest_first: bool, status: JobStatus | None
    ) -> list[Job]:
        """Jobs of this owner, those behind the job of that number."""
        way, order = ("<", "DESC") if newest_first else (">", "ASC")
        where, values = ["jobs.owner = ?"], [owner]
        if behind is not None:
            where.append(f"jobs.number {way} {behind:d}")
        if status is not None:
            where.append("jobs.status = ?")
            values.append(status.value)
        return self._db.jobs(f"WHERE {' AND '.join(where)} ORDER BY jobs.number {order} LIMIT {most:d}", values)

    def segments(self, job: Job, since: int = 0) -> list[KeptSegment]:
        """Those that are closed, in the order in which they were, without the first ``since``."""
        rows = self._db.rows(
            "SELECT segment FROM segments WHERE job = ? AND place >= ? ORDER BY place", (job.number, since)
        )
        return [read_segment(segment) for (segment,) in rows]

    def begun(self, job: Job) -> Begun:
        """What tries at it have told so far."""
        ((standings,),) = self._db.rows("SELECT standings FROM jobs WHERE number = ?", (job.number,))
        return Begun.of((kept.segment for kept in self.segments(job)), read_standings(standings))

    def transcript(self, job: Job) -> Transcript | None:
        """Of one that is completed."""
        rows = self._db.rows("SELECT result FROM jobs WHERE number = ? AND result IS NOT NULL", (job.number,))
        if not rows:
            return None
        return read_transcript(rows[0]["result"], self.segments(job), job.speaker_names, job.channels)

    def cancel(self, job_id: str) -> Job | None:
        """Have it cancelled unless it has ended. Returns how it stands now."""
        with self._db.transaction():
            job = self.get(job_id)
            if job is not None and not job.status.ended:
                self._db.end(job.number, JobStatus.CANCELLED)
        return self.get(job_id)

    def delete(self, job_id: str) -> None:
        """Forget everything of it."""
        self._db.change("DELETE FROM jobs WHERE id = ?", (job_id,))

    def held(self) -> int:
        """Bytes of recordings: those that are kept, and those that are being written."""
        ((octets,),) = self._db.rows(
            "SELECT (SELECT coalesce(sum(octets), 0) FROM jobs) + (SELECT coalesce(sum(octets), 0) FROM reservations)"
        )
        return int(octets)

    def spare(self) -> int:
        """Bytes of them that would give way: of jobs that have ended."""
        ((octets,),) = self._db.rows(
            "SELECT coalesce(sum(octets), 0) FROM jobs WHERE status NOT IN ('queued', 'in_progress')"
        )
        return int(octets)

    def _count(self, status: JobStatus) -> int:
        ((count,),) = self._db.rows("SELECT count(*) FROM jobs WHERE status = ?", (status,))
        return int(count)

    def counts(self) -> dict[JobStatus, int]:
        """Jobs by status."""
        found = {row[0]: row[1] for row in self._db.rows("SELECT status, count(*) FROM jobs GROUP BY status")}
        return {status: found.get(status, 0) for status in JobStatus}

    def oldest_queued(self) -> float | None:
        """When the job was accepted that has waited longest."""
        rows = self._db.rows("SELECT min(created_at) FROM jobs WHERE status = 'queued'")
        oldest: float | None = rows[0][0]
        return oldest

    def with_recordings(self) -> set[str]:
        """Ids of jobs whose recordings are needed, kept, or being written."""
        rows = self._db.rows(_WITH_RECORDINGS)
        return {row["id"] for row in rows}

    def expire(self, ended_before: float) -> int:
        """Forget what came of jobs that ended before; and all of those that ended as long again before that, of which
        nothing is to be sent any more. Returns how many expired."""
        now = self._db.clock()
        gone = ended_before - (now - ended_before)
        with self._db.transaction():
            self._db.change(
                "DELETE FROM segments WHERE job IN (SELECT number FROM jobs WHERE finished_at < ?)", (ended_before,)
            )
            expired = self._db.change(
                "UPDATE jobs SET status = ?, result = NULL, parameters = '{}', speaker_names = '{}', octets = 0 "
                "WHERE finished_at < ? AND status != ?",
                (JobStatus.EXPIRED, ended_before, JobStatus.EXPIRED),
            )
            self._db.change(
                "DELETE FROM jobs WHERE finished_at < ? AND number NOT IN "
                "(SELECT job FROM deliveries WHERE status = ?)",
                (gone, DeliveryStatus.PENDING),
            )
        return expired

    def _find(self, where: str, *values: object) -> Job | None:
        found = self._db.jobs(f"WHERE {where}", values)
        return found[0] if found else None
