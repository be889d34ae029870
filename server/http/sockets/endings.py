"""Why sessions end, and what is said about it."""

from __future__ import annotations

import logging

from server.audio_in.errors import AudioError, DecoderFailed
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.messages import FailureCode
from server.http.auth.accounts import LimitReached
from server.live.vocabulary.protocol import SessionEnd
from server.resources import spent_resource

logger = logging.getLogger(__name__)


class SessionOver(Exception):  # noqa: N818 - the end of a session is no error of its own
    """The server ends the session. ``message`` is fit for the client's eyes."""

    def __init__(self, why: SessionEnd, message: str) -> None:
        super().__init__(message)
        self.why = why
        self.message = message


def to_session_over(error: BaseException) -> SessionOver:
    """What a client is told about ``error``. One that nobody expected is logged, and told as nothing but that."""
    match error:
        case SessionOver():
            return error
        case AudioError():
            return SessionOver(SessionEnd.BAD_AUDIO, error.message)
        case LimitReached():
            return SessionOver(SessionEnd.LIMIT_REACHED, error.message)
        case EngineError(code=FailureCode.SHUTTING_DOWN):
            return SessionOver(SessionEnd.SHUTTING_DOWN, error.message)
        case EngineError() | EngineUnavailable() | DecoderFailed():
            return SessionOver(SessionEnd.ENGINE_FAILED, error.message)
        case MemoryError() | OSError() if (resource := spent_resource(error)) is not None:
            logger.warning("short of %s: %s", resource, error)
            return SessionOver(SessionEnd.ENGINE_FAILED, f"The server is short of {resource}.")
        case _:
            logger.error("unexpected error", exc_info=error)
            return SessionOver(SessionEnd.ENGINE_FAILED, "The server failed to handle this session.")
