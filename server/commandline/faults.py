"""What a command ends with when it cannot do what it was told: a sentence, and a status."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What a command leaves with, as shells and scripts read it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130
    """128 and the number of SIGINT."""
    TERMINATED = 143


class Fault(Exception):  # noqa: N818 - it is told to a person
    """``message``: a sentence or two, with what helps."""

    status = Status.FAILED

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageFault(Fault):
    """What was asked for makes no sense."""

    status = Status.USAGE


class Refused(Fault):
    """A server, or the engine in this process, cannot do it now, or not at all.

    Attributes:
        retry_after: seconds after which another try may go well; None: it would not.
        code: machine-readable reason, where there is one.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code
