"""What a job is: a recording that was accepted, how it is wished to be transcribed, and how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands; OpenAI's words, as its background answers and batches have them."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """It had ended, and what came of it is kept no longer."""

    @property
    def ended(self) -> bool:
        """Nothing more is done for it."""
        return self not in (JobStatus.QUEUED, JobStatus.IN_PROGRESS)


class DeliveryStatus(StrEnum):
    """What became of the message to a job's webhook."""

    WAITING = "waiting"
    """For the job's end."""
    PENDING = "pending"
    """It is sent until somebody takes it."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Nobody took it for a day, or the receiver is gone for good."""


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed, fit for the client's eyes.

    Attributes:
        code: for programs.
        param: the parameter at fault, where one is.
        retry_after: seconds after which another try may go well; None where it would not. Not told.
    """

    code: str
    message: str
    param: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Of a job's message to its webhook. ``error``: why the last try was none, fit for the client's eyes."""

    url: str
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """What somebody wants to have accepted.

    Attributes:
        owner: digest of the key that it belongs to, in hexadecimal digits.
        model: that is to hear it: a server with another one leaves it alone.
        parameters: of the request, as its protocol writes them down; nobody here reads them.
        digest: of recording and parameters, by which a repeated request is known.
        urgent: it goes before other jobs.
        filename: as the client gives it.
        trace: the traceparent of what accepts it; None where nothing is traced.
    """

    owner: str
    model: str
    parameters: str
    digest: str
    urgent: bool = False
    filename: str | None = None
    idempotency_key: str | None = None
    webhook_url: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One that was accepted, as it stood when it was looked at. Times are Unix time in seconds.

    Attributes:
        id: as clients know it.
        number: in the order in which they were accepted.
        runner: the process that has it in work.
        failures: tries that went wrong since its last segment was closed.
        audio_seconds: how long the recording lasts; None before it was read.
        done_seconds: of that are heard for good.
        pace_at, pace_from: when the present try began to hear it, and how many seconds were done then.
        segments: how many are closed.
        octets: of its recording, as long as that is kept.
        trace: as in NewJob.
    """

    id: str
    number: int
    owner: str
    model: str
    status: JobStatus
    parameters: str
    digest: str
    urgent: bool
    filename: str | None
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    runner: str | None = None
    failures: int = 0
    audio_seconds: float | None = None
    done_seconds: float = 0.0
    pace_at: float | None = None
    pace_from: float = 0.0
    segments: int = 0
    channels: int = 1
    octets: int = 0
    trace: str | None = None
    speaker_names: Mapping[int, str] = field(default_factory=dict)
    error: JobError | None = None
    delivery: Delivery | None = None

    @property
    def has_recording(self) -> bool:
        """Its recording is there: it is needed, or kept."""
        return not self.status.ended or self.octets > 0

    def seconds_left(self, now: float) -> float | None:
        """Until it is done, at the pace of the present try; None while that is not known."""
        if self.status is not JobStatus.IN_PROGRESS or self.audio_seconds is None or self.pace_at is None:
            return None
        heard, took = self.done_seconds - self.pace_from, now - self.pace_at
        if heard <= 0 or took <= 0:
            return None
        return max(0.0, self.audio_seconds - self.done_seconds) * took / heard
