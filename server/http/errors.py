"""Every error in OpenAI's envelope, ``{"error": {"message", "type", "param", "code"}}``, and what may be retried.

OpenAI's clients send a request again after 408, 409, 429 and 5xx unless ``x-should-retry`` says otherwise, file and
all. Permanent faults are therefore 400, 404, 413, 415 and never those, and failures that the input may have caused
carry ``x-should-retry: false``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from types import MappingProxyType
from typing import NoReturn

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from server.audio_in.errors import AudioErrorCode
from server.engine.messages import FailureCode
from server.http.auth.accounts import LimitReached
from server.jobs.jobs import JobElsewhere, NoSuchJob
from server.jobs.store import KeyReused, QueueFull
from server.jobs.webhooks.receivers import ForbiddenReceiver
from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.transcription_wishes import REFERENCES
from server.recordings.errors import (
    AudioError,
    ContextTooLong,
    DeadlineExceeded,
    DecoderFailed,
    DecodeStopped,
    EngineError,
    EngineUnavailable,
    NotOfThisModel,
    Overloaded,
    UnevenSegment,
    UnusableReference,
)
from server.resources import BudgetSpent, Resource, spent_resource

logger = logging.getLogger(__name__)

CLIENT_CLOSED_REQUEST = 499
"""Status in log and metrics of a request whose client left; nobody receives it."""


class ApiError(Exception):
    """A refusal in the words of the protocol.

    Attributes:
        status: HTTP status.
        message: a sentence for the person who made the request.
        code: machine-readable reason, or None.
        param: the parameter at fault, or None.
        retry_after: seconds after which trying again makes sense; None where it makes none.
        headers: further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.headers = headers

    @property
    def type(self) -> str:
        """OpenAI's name of the class of errors."""
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return "rate_limit_error"
        if self.status == HTTPStatus.UNAUTHORIZED:
            return "authentication_error"
        return "server_error" if self.status >= 500 else "invalid_request_error"

    @property
    def envelope(self) -> Mapping[str, object]:
        """The body, and the payload of an error inside an event stream."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    @property
    def response(self) -> JSONResponse:
        """The answer to a request that failed before anything else was sent."""
        headers = {"x-should-retry": "false" if self.retry_after is None else "true"}
        if self.retry_after is not None:
            # Whole seconds are all that the standard has; OpenAI's clients read the milliseconds first.
            headers["retry-after"] = str(max(1, ceil(self.retry_after)))
            headers["retry-after-ms"] = str(ceil(1000 * self.retry_after))
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.envelope, self.status, headers | dict(self.headers))


def invalid(param: str | None, message: str, code: str | None = "invalid_value") -> ApiError:
    """The 400 for a parameter that cannot be honoured."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, code=code, param=param)


def shutting_down() -> ApiError:
    """The 503 of a server that is on its way out; another replica, or the next one here, can serve."""
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "The server is shutting down.", code="shutting_down", retry_after=5)


_AUDIO_STATUS = {
    AudioErrorCode.UNSUPPORTED_FORMAT: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
_ENGINE_STATUS: dict[FailureCode, tuple[HTTPStatus, float | None]] = {
    FailureCode.TOO_LONG: (HTTPStatus.BAD_REQUEST, None),
    FailureCode.OUT_OF_MEMORY: (HTTPStatus.SERVICE_UNAVAILABLE, 10.0),
    FailureCode.WORKER_DIED: (HTTPStatus.SERVICE_UNAVAILABLE, 5.0),
    FailureCode.POISON: (HTTPStatus.INTERNAL_SERVER_ERROR, None),
    FailureCode.SHUTTING_DOWN: (HTTPStatus.SERVICE_UNAVAILABLE, 5.0),
    FailureCode.INTERNAL: (HTTPStatus.INTERNAL_SERVER_ERROR, None),
}
"""Status and, where another try may go well, after how many seconds."""


_SHORT_OF = {
    Resource.DISK: ("insufficient_storage", 10.0),
    Resource.MEMORY: ("insufficient_memory", 5.0),
    Resource.DESCRIPTORS: ("too_many_open_files", 5.0),
}
"""Code, and after how many seconds other requests may have given back what this one needs."""


def _short_of(resource: Resource) -> ApiError:
    code, retry_after = _SHORT_OF[resource]
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, BudgetSpent(resource).message, code=code, retry_after=retry_after)


def to_api_error(error: Exception) -> ApiError:
    """What a client is told about ``error``. One that nobody expected is logged, and told as nothing but that."""
    match error:
        case ApiError():
            return error
        case InvalidParameter():
            return invalid(error.param, error.message, error.code)
        case ContextTooLong():
            told = f"The context (prompt, keywords, key terms, instruction) {error.limit}."
            return invalid("prompt", told, "context_too_long")
        case NotOfThisModel():
            return ApiError(HTTPStatus.BAD_REQUEST, error.message, code="not_of_this_model")
        case UnevenSegment():
            param = "acoustic_tokenizer_chunk_size" if error.in_samples else "streaming_segment_duration"
            return invalid(param, error.message)
        case UnusableReference():
            return invalid(REFERENCES, f"{REFERENCES}: {error.message}", error.code or "invalid_value")
        case AudioError():
            status = _AUDIO_STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
            param = "audio_track" if error.code is AudioErrorCode.NO_SUCH_TRACK else "file"
            return ApiError(status, error.message, code=error.code, param=param)
        case Overloaded():
            return ApiError(
                HTTPStatus.TOO_MANY_REQUESTS, error.reason, code="overloaded", retry_after=error.retry_after
            )
        case LimitReached():
            return ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                error.message,
                code="rate_limit_exceeded",
                retry_after=error.retry_after,
            )
        case EngineUnavailable():
            return ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                error.message,
                code="model_not_ready",
                retry_after=error.retry_after,
            )
        case EngineError():
            status, retry_after = _ENGINE_STATUS[error.code]
            return ApiError(status, error.message, code=error.code, retry_after=retry_after)
        case DeadlineExceeded():
            # Whoever asks again has another deadline: OpenAI's clients would repeat it on their own otherwise.
            message = "The answer was not ready in the time that the request gives or the server allows."
            return ApiError(HTTPStatus.GATEWAY_TIMEOUT, message, code="deadline_exceeded")
        case DecoderFailed():
            return ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE, error.message, code="decoder_failed", retry_after=error.retry_after
            )
        case DecodeStopped():
            return shutting_down()
        case NoSuchJob() | JobElsewhere() | KeyReused() | QueueFull() | ForbiddenReceiver():
            return _of_jobs(error)
        case BudgetSpent():
            return _short_of(error.resource)
        case MemoryError() | OSError() if (resource := spent_resource(error)) is not None:
            logger.warning("short of %s: %s", resource, error)
            return _short_of(resource)
        case _:
            logger.error("unexpected error", exc_info=error)
            return ApiError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed to handle this request.", code="internal_error"
            )


def _of_jobs(error: NoSuchJob | JobElsewhere | KeyReused | QueueFull | ForbiddenReceiver) -> ApiError:
    match error:
        case NoSuchJob():
            return ApiError(HTTPStatus.NOT_FOUND, "There is no such job.", code="job_not_found")
        case JobElsewhere():
            message = f"This job belongs to the servers named {error.name}, and this server is not one of them."
            return ApiError(HTTPStatus.MISDIRECTED_REQUEST, message, code="job_elsewhere")
        case KeyReused():
            message = "This Idempotency-Key was used for another request."
            return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, message, code="idempotency_key_reused")
        case QueueFull():
            message = "The queue of jobs is full."
            return ApiError(HTTPStatus.TOO_MANY_REQUESTS, message, code="too_many_jobs", retry_after=30.0)
        case ForbiddenReceiver():
            return invalid("webhook_url", f"webhook_url: {error.message}", code="webhook_not_allowed")


_HTTP_ERRORS = {
    HTTPStatus.NOT_FOUND: ("There is nothing at this path.", "not_found"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("This method is not possible at this path.", "method_not_allowed"),
}


async def _http_exception(_: Request, error: Exception) -> NoReturn:
    """The router's own refusals."""
    assert isinstance(error, HTTPException)
    message, code = _HTTP_ERRORS.get(HTTPStatus(error.status_code), (str(error.detail), None))
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if "GET" in headers.get("allow", ""):
        headers["allow"] += ", HEAD"
    raise ApiError(error.status_code, message, code=code, headers=headers)


async def _validation_error(_: Request, error: Exception) -> NoReturn:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = str(first["loc"][-1])
    raise invalid(param, f"{param}: {first['msg']}.")


def install_error_handlers(app: FastAPI) -> None:
    """Turn the framework's own refusals into ours. ``FaultMiddleware`` answers for everything that is raised."""
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
