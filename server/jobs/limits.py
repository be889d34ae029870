"""What the operator lets jobs take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What jobs may take.

    Attributes:
        running: in work at once, in this process.
        queued: that wait, of all processes with the same folder.
        octets: of their recordings.
        retention_seconds: for which is kept what came of one.
    """

    running: int
    queued: int
    octets: int
    retention_seconds: float
