"""Messages to webhooks that are still to be taken by their receivers. They outlive the process, as jobs do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from server.jobs.database import Database
from server.jobs.job import DeliveryStatus
from server.jobs.objects import event_object

RETRIES: Final = (5, 60, 300, 1800, 7200, 18_000, 28_800, 28_800)
"""Seconds between two tries; all together a day (23.6 hours)."""
_IN_HAND: Final = 120.0
"""Seconds that a try may take; after them another process takes it that the one who made it is dead."""


@dataclass(frozen=True, slots=True)
class Message:
    """One that is to be sent now.

    Attributes:
        id: the same each time, so that a receiver knows what it has.
        body: likewise.
        attempt: which try it is, from 1.
        trace: the traceparent of what accepted the job.
    """

    job: int
    id: str
    url: str
    body: str
    attempt: int
    trace: str | None = None


class Outbox:
    """The messages of one folder. For the thread of its database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def take(self) -> Message | None:
        """One that is due; nobody else gets it while it is being sent."""
        now = self._db.clock()
        with self._db.transaction():
            rows = self._db.rows(
                "SELECT deliveries.*, jobs.trace FROM deliveries JOIN jobs ON jobs.number = deliveries.job "
                "WHERE deliveries.status = ? AND deliveries.due_at <= ? ORDER BY deliveries.due_at LIMIT 1",
                (DeliveryStatus.PENDING, now),
            )
            if not rows:
                return None
            row = rows[0]
            body = row["body"] or json.dumps(event_object(self._db.job(row["job"]), row["message"]))
            self._db.change(
                "UPDATE deliveries SET body = ?, attempts = attempts + 1, due_at = ? WHERE job = ?",
                (body, now + _IN_HAND, row["job"]),
            )
        return Message(row["job"], row["message"], row["url"], body, row["attempts"] + 1, row["trace"])

    def delivered(self, message: Message) -> None:
        """Somebody has taken it."""
        self._set(message, DeliveryStatus.DELIVERED, None)

    def give_up(self, message: Message, error: str | None) -> None:
        """Nobody ever will; ``error``: why not, as its owner is told."""
        self._set(message, DeliveryStatus.FAILED, error)

    def retry(self, message: Message, error: str | None) -> bool:
        """It is sent again later; ``error``: why this try was none. False: this was the last one."""
        if message.attempt > len(RETRIES):
            self.give_up(message, error)
            return False
        due = self._db.clock() + RETRIES[message.attempt - 1]
        self._db.change("UPDATE deliveries SET due_at = ?, error = ? WHERE job = ?", (due, error, message.job))
        return True

    def pending(self) -> int:
        """How many are still to be taken."""
        ((count,),) = self._db.rows("SELECT count(*) FROM deliveries WHERE status = ?", (DeliveryStatus.PENDING,))
        return int(count)

    def _set(self, message: Message, status: DeliveryStatus, error: str | None) -> None:
        self._db.change("UPDATE deliveries SET status = ?, error = ? WHERE job = ?", (status, error, message.job))
