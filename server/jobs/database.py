"""One connection to the tables, for one thread: transactions that are on the disk afterwards, and rows as jobs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from server.jobs.job import Delivery, DeliveryStatus, Job, JobError, JobStatus
from server.jobs.schema import connect
from server.jobs.writing import read_names
from server.resources import BudgetSpent, Resource

_JOB: Final = """
SELECT jobs.*, (SELECT count(*) FROM segments WHERE segments.job = jobs.number) AS segments,
    deliveries.url, deliveries.status AS delivery, deliveries.attempts, deliveries.error AS refusal
FROM jobs LEFT JOIN deliveries ON deliveries.job = jobs.number
"""
_FIELDS: Final = frozenset(Job.__slots__) - {"error", "delivery", "status", "speaker_names", "urgent"}
_SHORT_OF_DISK: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})


class Database:
    """The tables in ``file``, which is made where it is not there.

    Args:
        clock: Unix time in seconds.
        keeps_recordings: of jobs that have ended.
    """

    def __init__(self, file: Path, clock: Callable[[], float], *, keeps_recordings: bool = False) -> None:
        self.clock = clock
        self._keeps_recordings = keeps_recordings
        self._connection = connect(file)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Of somebody who writes; writers of other processes wait for its end. Raises BudgetSpent."""
        with _full_is_spent():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself has undone one for which the disk had no room
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, statement: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All at once: a cursor that was not read to its end holds the lock."""
        return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Returns how many rows that concerned."""
        with _full_is_spent():
            return self._connection.execute(statement, values).rowcount

    def jobs(self, rest: str, values: Sequence[Any]) -> list[Job]:
        """``rest``: of the statement that reads jobs: which, and in what order."""
        return [_job(row) for row in self.rows(f"{_JOB} {rest}", values)]

    def job(self, number: int) -> Job:
        """One that is there."""
        (job,) = self.jobs("WHERE jobs.number = ?", [number])
        return job

    def end(self, number: int, status: JobStatus) -> None:
        """To be done inside of a transaction: with a job's end its message is to be sent."""
        now = self.clock()
        self.change(
            "UPDATE jobs SET status = ?, finished_at = ?, runner = NULL, octets = octets * ? WHERE number = ?",
            (status, now, self._keeps_recordings, number),
        )
        self.change(
            "UPDATE deliveries SET status = ?, ended_at = ?, due_at = 0 WHERE job = ?",
            (DeliveryStatus.PENDING, now, number),
        )


@contextmanager
def _full_is_spent() -> Iterator[None]:
    """A full disk is a budget that was too large."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _SHORT_OF_DISK:
            raise
        raise BudgetSpent(Resource.DISK) from error


def _job(row: sqlite3.Row) -> Job:
    told = {name: row[name] for name in row.keys() if name in _FIELDS}  # noqa: SIM118 - a row iterates over values
    return Job(
        **told,
        status=JobStatus(row["status"]),
        urgent=bool(row["urgent"]),
        speaker_names=read_names(row["speaker_names"]),
        error=JobError(**json.loads(row["error"])) if row["error"] else None,
        delivery=_delivery(row) if row["url"] else None,
    )


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(row["url"], DeliveryStatus(row["delivery"]), row["attempts"], row["refusal"])
