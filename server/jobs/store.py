"""Jobs as clients see them: accepted, looked at, cancelled, forgotten."""

from __future__ import annotations

import secrets

from server.jobs.database import Database
from server.jobs.job import DeliveryStatus, Job, JobStatus, NewJob
from server.jobs.writing import KeptSegment, read_segment, read_transcript
from server.resources import BudgetSpent, Resource
from server.transcript.segments import Transcript


class KeyReused(Exception):  # noqa: N818 - it says what was done with the key
    """The idempotency key was used for another request."""


class QueueFull(Exception):  # noqa: N818 - as the others are named
    """As many jobs wait as may."""


class JobStore:
    """The jobs of one folder. For the thread of its database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def accept(self, job_id: str, new: NewJob, octets: int, *, most_octets: int, most_queued: int) -> Job:
        """Have a job of this id, or the one that the same request made before.

        Args:
            octets: of its recording.
            most_octets: that all recordings may have together.
            most_queued: jobs that may wait.

        Raises KeyReused, BudgetSpent, QueueFull.
        """
        with self._db.transaction():
            if (known := self.repeated(new)) is not None:
                return known
            if self.held() + octets > most_octets:
                raise BudgetSpent(Resource.DISK)
            if self._count(JobStatus.QUEUED) >= most_queued:
                raise QueueFull
            ((number,),) = self._db.rows(
                "INSERT INTO jobs (id, owner, model, status, parameters, digest, urgent, filename, idempotency_key, "
                "octets, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
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
        """Bytes of the recordings of jobs that have not ended."""
        ((octets,),) = self._db.rows("SELECT coalesce(sum(octets), 0) FROM jobs")
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

    def unfinished(self) -> set[str]:
        """Ids of jobs whose recordings are needed."""
        return {row["id"] for row in self._db.rows("SELECT id FROM jobs WHERE status IN ('queued', 'in_progress')")}

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
                "UPDATE jobs SET status = ?, result = NULL, parameters = '{}', speaker_names = '{}' "
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
