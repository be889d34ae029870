"""The values that labels can have. All of them exist from the start at 0, so that the first of its kind is an increase.

None tells users apart, and none is a client's word.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from server.audio_in.errors import AudioErrorCode
from server.jobs.job import JobStatus
from server.live.vocabulary.protocol import SessionEnd
from server.recordings.transcription import Outcome
from server.transcript.repeats import LoopOutcome
from server.transcript.repetition import LoopKind

REJECTIONS = (
    "overloaded",
    "too_many_sessions",
    "too_many_uploads",
    "too_many_jobs",
    "insufficient_storage",
    "insufficient_memory",
    "too_many_open_files",
    "model_not_ready",
    "shutting_down",
    "invalid_api_key",
    "credential_expired",
    "insufficient_scope",
    "content_too_large",
    "upload_too_slow",
    "header_too_large",
    "header_too_slow",
    "too_many_connections",
    "invalid_request",
    "host_not_allowed",
    "origin_not_allowed",
    "rate_limit_exceeded",
    "service_tier_not_allowed",
    "poison_request",
    "other",
)
"""Codes of requests that were refused for the server's sake, whatever is in them."""
FAILURES = ("out_of_memory", "worker_died", "decoder_failed", "internal_error")
"""Codes of requests that failed for the server's sake when work had begun."""

DEADLINES = MappingProxyType(
    {"header_too_slow": "head", "upload_too_slow": "upload", AudioErrorCode.DECODE_TIMEOUT.value: "decode"}
)
"""By the code of the refusal, what took too long."""
DEADLINE_EXCEEDED = "deadline_exceeded"
"""The code where that was the whole; it is counted by the stage that it was in."""


class Stage(StrEnum):
    """Where a request was when its client left."""

    UPLOAD = "upload"
    DECODE = "decode"
    TRANSCRIBE = "transcribe"


JOB_ENDS = tuple(status.value for status in JobStatus if status.ended and status is not JobStatus.EXPIRED)
LOOPS = tuple((kind.value, outcome.value) for kind in LoopKind for outcome in LoopOutcome)
"""Of what answers repeat that run in circles, and what became of that."""
OUTCOMES = tuple(outcome.value for outcome in Outcome)
DECODE_ERRORS = tuple(code.value for code in AudioErrorCode)
CLOSED = "closed"
"""The protocol came to its end and closed the connection."""
CLIENT_CLOSED = "client_closed"
"""The client closed the connection, or lost it."""
CANCELLED = "cancelled"
"""The process stopped before the session had an end."""
SESSION_ENDS = (CLOSED, CLIENT_CLOSED, CANCELLED, *(end.value for end in SessionEnd))
LIVE_ENDPOINTS = ("/v1/realtime", "/v1/listen", "/v2/listen")
