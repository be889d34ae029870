"""The closed vocabulary between the API process and the worker process that owns the device.

Every message is a small frozen dataclass that pickles. Nothing else crosses the pipe. A stream is opened, appended to,
asked, cropped and closed, files and live audio alike. The worker sends exactly one AnswerDone for each AskStream,
unless the stream is closed before, fails, is lost or preempted: then StreamFailed, StreamsLost or StreamPreempted is
the last that is heard of it. A stream that is lost, with its worker or without, or preempted, is opened again by the
client under another number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.seam.runner import RunnerInfo
from model.seam.streams import Likeliest, Question, StreamSpec
from server.engine.figures import DeviceMemory, WorkDone

# ----------------------------------------------------------------------------------------------- client to worker


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Begin a stream.

    ``company``: steps with this stream have no others in them than those of the same company, and go before all that
    have none. None: it runs with whoever has none. ``trace``: the W3C traceparent of the span that it is part of,
    sampled or not. ``answered``: tokens of the answer that an earlier worker, or this one before it took the stream
    back, has given: so much room more is reserved.
    """

    stream: int
    request_id: str
    spec: StreamSpec
    company: int | None = None
    trace: str | None = None
    answered: int = 0


@dataclass(frozen=True, slots=True)
class RejoinStream:
    """The stream may run with others again."""

    stream: int


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """``samples``: float32 little endian, mono, at the family's rate, before the level of the spec is applied."""

    stream: int
    samples: bytes


@dataclass(frozen=True, slots=True)
class AskStream:
    """Answer to the audio that was appended before. No audio may come before AnswerDone.

    ``last``: the stream ends with this answer, and what it holds is given back at once.
    """

    stream: int
    question: Question
    last: bool = False


@dataclass(frozen=True, slots=True)
class CropStream:
    """Take back the question that stands and what was answered; the audio stays. Nothing where none stands."""

    stream: int


@dataclass(frozen=True, slots=True)
class KeepStream:
    """Nobody asks the stream for now: it holds what it has heard as long as nobody else needs the room. Where it has to
    go StreamPreempted follows, and so it does where it has not heard all its audio."""

    stream: int


@dataclass(frozen=True, slots=True)
class ResumeStream:
    """A stream that is kept is to be asked again, for this spec: with the same audio, level and system."""

    stream: int
    request_id: str
    spec: StreamSpec
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class ForkStream:
    """Begin a stream that has heard what another one has, which goes on by itself. No audio may come for it.

    Where that one has not heard all its audio, or is gone, or what it has heard has to make way before the fork runs,
    StreamPreempted follows.
    """

    stream: int
    of: int
    request_id: str
    spec: StreamSpec
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class CloseStream:
    """Nobody needs the stream any more. The worker frees everything before its next step; no word of it follows."""

    stream: int


@dataclass(frozen=True, slots=True)
class StopWorker:
    """Leave the step loop and exit with status 0."""


ToWorker = (
    OpenStream
    | RejoinStream
    | AppendAudio
    | AskStream
    | CropStream
    | KeepStream
    | ResumeStream
    | ForkStream
    | CloseStream
    | StopWorker
)

# ----------------------------------------------------------------------------------------------- worker to client


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The checkpoint is loaded and warm."""

    info: RunnerInfo


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    """The next tokens of a stream's answer (stop token excluded), in order.

    ``forced``: with the first of them the text that the answer was made to begin with; theirs follows right behind.
    ``likeliest``: of each token's place, where the question asks for them.
    """

    stream: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    forced: str = ""
    likeliest: tuple[Likeliest, ...] = ()


class EndReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    """The model ended it."""
    LENGTH = "length"
    """It was cut at its longest: as many tokens as may be, or as there was room for."""
    CROPPED = "cropped"
    """Its question was taken back."""


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """The end of an answer, with what it cost. Times in seconds, by the worker's monotonic clock.

    Attributes:
        forced: text it was made to begin with; that of its tokens follows right behind.
        prompt_tokens: positions in front of the answer, audio included.
        audio_tokens: audio frames that it is the answer to.
        queue_seconds: for which the stream waited for a place.
        first_token_seconds: from the question to the first token; of a stream's first answer from its opening.
        total_seconds: to the end, likewise.
        cached_tokens: positions in front of the answer that the stream had computed before it was resumed.
    """

    stream: int
    reason: EndReason
    forced: str
    prompt_tokens: int
    audio_tokens: int
    answer_tokens: int
    queue_seconds: float
    first_token_seconds: float
    total_seconds: float
    cached_tokens: int = 0


class FailureCode(StrEnum):
    """Why a stream could not be answered."""

    TOO_LONG = "audio_too_long"
    """Audio and answer cannot fit the checkpoint's positions or the page pool, however empty it is."""
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    """The process that ran the request ended, and no other can be had."""
    POISON = "poison_request"
    """The process that ran the request ended each time, by itself the last time."""
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal_error"


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The end of a stream that cannot go on. ``message`` is fit for the client's eyes."""

    stream: int
    code: FailureCode
    message: str


@dataclass(frozen=True, slots=True)
class StreamsLost:
    """A step with these streams, two or more, went wrong, and nobody knows over which. The worker has let them go."""

    streams: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StreamPreempted:
    """The stream has given its pages to those that were there before it, or, while it was kept, to anybody. The worker
    has let it go; it goes on when there is room again, unless nobody asks it.
    """

    stream: int


@dataclass(frozen=True, slots=True)
class PhaseTrace:
    """A part of a stream's life. Times as in `StreamTrace`; ``steps`` of the device that it took."""

    name: str
    began: float
    ended: float
    steps: int


@dataclass(frozen=True, slots=True)
class StreamTrace:
    """Where the time of a stream went whose trace is sampled; sent when it ends, in whichever way.

    Times are seconds of the monotonic clock, which all processes of a machine share.

    Attributes:
        trace: that of its OpenStream.
        phases: one after the other. Of a stream that was asked more than once only the first.
        steps, answers, answer_tokens: of all its life.
        failure: why it failed, if it did.
    """

    trace: str
    request_id: str
    began: float
    ended: float
    phases: tuple[PhaseTrace, ...]
    steps: int
    answers: int
    answer_tokens: int
    failure: FailureCode | None


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Sent after steps (coalesced) and before a rest: the state shown by ``/metrics``.

    Attributes:
        running, waiting, kept: streams; kept ones that are to be asked again are waiting too.
        pages_used, pages_total: of the KV cache, without those that kept streams hold.
        pages_kept: those.
        done: the work so far.
        memory: the device's, None where it has none of its own.
    """

    running: int
    waiting: int
    pages_used: int
    pages_total: int
    done: WorkDone
    memory: DeviceMemory | None = None
    kept: int = 0
    pages_kept: int = 0


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """The worker cannot go on (bad checkpoint, lost device) and exits after this. ``permanent``: do not restart."""

    message: str
    permanent: bool


ToClient = (
    WorkerReady
    | AnswerTokens
    | AnswerDone
    | StreamFailed
    | StreamsLost
    | StreamPreempted
    | StreamTrace
    | WorkerStats
    | WorkerFailed
)
