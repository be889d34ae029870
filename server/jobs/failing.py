"""What becomes of a job whose try went wrong."""

from __future__ import annotations

from typing import Final

from server.jobs.job import JobError

WAITS: Final = frozenset(
    {
        "overloaded",
        "rate_limit_exceeded",
        "model_not_ready",
        "shutting_down",
        "insufficient_storage",
        "insufficient_memory",
        "too_many_open_files",
    }
)
"""Codes of what passes by itself, and has nothing to do with the job: it waits for as long as it takes."""
INTERNAL: Final = "internal_error"
_INTERNAL_TRIES: Final = 2
"""An error of the program mostly comes again; once it may have been somebody else's."""
TRIES: Final = 5
"""Without a new segment, where another try may go well: after that the job itself is taken for the cause."""


def retried_after(error: JobError, failures: int) -> float | None:
    """Seconds after which the job is tried again; None: it has failed.

    ``failures``: tries that went wrong since its last segment was closed, this one among them.
    """
    if error.code in WAITS:
        return error.retry_after or 1.0
    if error.code == INTERNAL:
        return 1.0 if failures < _INTERNAL_TRIES else None
    if error.retry_after is None or failures >= TRIES:
        return None
    return error.retry_after * failures
