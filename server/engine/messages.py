"""The closed vocabulary between the API process and the worker process that owns the device.

Every message is a small frozen dataclass that pickles. Nothing else crosses the pipe. For each ``OpenStream`` the
worker sends exactly one end: ``StreamDone`` or ``StreamFailed``, also for a cancelled stream, unless the worker dies;
then the client makes the ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.seam.steps import Question, RunnerInfo, StreamSpec

# ----------------------------------------------------------------------------------------------- client to worker


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Begin a stream. ``frames``: the audio it will have at most, which decides the pages reserved for it.

    ``live``: its audio comes while it is spoken. It is asked again and again by AskStream, goes first, keeps its pages
    between two answers and ends with CancelStream.
    """

    stream: int
    request_id: str
    spec: StreamSpec
    frames: int
    live: bool = False


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """``samples``: float32 little endian, mono, 24 kHz, before the level of the spec is applied."""

    stream: int
    samples: bytes


@dataclass(frozen=True, slots=True)
class FinishAudio:
    """All audio has been sent: answer."""

    stream: int


@dataclass(frozen=True, slots=True)
class AskStream:
    """Answer to the audio that a live stream has so far. No audio may come before AnswerDone."""

    stream: int
    question: Question


@dataclass(frozen=True, slots=True)
class CancelStream:
    """Nobody waits any more. The worker frees everything before its next step and sends the end."""

    stream: int


@dataclass(frozen=True, slots=True)
class StopWorker:
    """Leave the step loop and exit with status 0."""


ToWorker = OpenStream | AppendAudio | FinishAudio | AskStream | CancelStream | StopWorker

# ----------------------------------------------------------------------------------------------- worker to client


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The checkpoint is loaded and warm."""

    info: RunnerInfo


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    """The next tokens of a stream's answer (stop token excluded), in order."""

    stream: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


class EndReason(StrEnum):
    """Why a stream that went well ended."""

    STOP = "stop"
    """The model ended its answer."""
    LENGTH = "length"
    """The answer was cut at ``max_answer_tokens``."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """The end of one answer of a live stream, which can be asked again.

    ``heard``: audio frames it is the answer to. ``forced``: text it was made to begin with; its tokens follow on that.
    """

    stream: int
    reason: EndReason
    heard: int
    forced: str


@dataclass(frozen=True, slots=True)
class StreamDone:
    """The end of a stream that went well, with what it cost. Times in seconds, by the worker's monotonic clock."""

    stream: int
    reason: EndReason
    prompt_tokens: int
    audio_tokens: int
    answer_tokens: int
    queue_seconds: float
    first_token_seconds: float
    total_seconds: float


class FailureCode(StrEnum):
    """Why a stream could not be answered."""

    TOO_LONG = "audio_too_long"
    """Audio and answer cannot fit the checkpoint's positions or the page pool, however empty it is."""
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    """The process that ran the request ended; a new one starts by itself."""
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal_error"


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The end of a stream that could not be answered. ``message`` is fit for the client's eyes."""

    stream: int
    code: FailureCode
    message: str


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Sent after steps (coalesced) and when idle: the state shown by ``/metrics``; also the worker's heartbeat.

    ``busy_seconds``: spent in steps, by the worker's clock.
    """

    steps: int
    running: int
    waiting: int
    pages_used: int
    pages_total: int
    batch_rows: int
    encoded_frames: int
    answer_tokens: int
    busy_seconds: float


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """The worker cannot go on (bad checkpoint, lost device) and exits after this. ``permanent``: do not restart."""

    message: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class StepRuns:
    """A sign of life out of a step that takes long; ``step``: its number."""

    step: int


ToClient = WorkerReady | AnswerTokens | AnswerDone | StreamDone | StreamFailed | WorkerStats | WorkerFailed | StepRuns
