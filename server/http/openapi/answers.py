"""Every answer beside a route's own: errors in both shapes, with their headers, by status."""

from __future__ import annotations

from typing import Any, NamedTuple

from server.http.auth.accounts import HEADERS as LIMITS
from server.http.openapi.schemas import INTEGER, STRING, Schema, nullable, record, ref

OPENAI, DEEPGRAM = "Error", "DeepgramError"
"""The shapes that errors have, by the names of their schemas."""

ERROR_SCHEMAS: dict[str, Schema] = {
    OPENAI: record(
        {
            "error": record(
                {
                    "message": {"type": "string", "description": "A sentence for the person who made the request."},
                    "type": {
                        "type": "string",
                        "enum": ["invalid_request_error", "authentication_error", "rate_limit_error", "server_error"],
                    },
                    "param": nullable("string", "The parameter at fault."),
                    "code": nullable("string", "What went wrong, for programs."),
                }
            )
        },
        about="OpenAI's envelope.",
    ),
    DEEPGRAM: record(
        {
            "err_code": {"type": "string", "description": "What went wrong, for programs."},
            "err_msg": {"type": "string", "description": "A sentence for the person who made the request."},
            "request_id": STRING,
        },
        about="Deepgram's shape.",
    ),
}

HEADERS: dict[str, Any] = {
    "RequestId": {"description": "The client's own where it sent a decent one.", "schema": STRING},
    "ShouldRetry": {
        "description": "Whether the same request may go well later; OpenAI's clients obey it.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "RetryAfter": {"description": "Seconds.", "schema": INTEGER | {"minimum": 1}},
    "RetryAfterMs": {"description": "The same in milliseconds.", "schema": INTEGER | {"minimum": 1}},
    **{name: {"description": f"{about} Where that is limited.", "schema": STRING} for name, about in LIMITS.items()},
    "Authenticate": {"schema": STRING},
    "Notes": {
        "description": "What a client should know, e.g. that the file was damaged.",
        "schema": STRING,
    },
    "DeepgramError": {"description": "The message once more.", "schema": STRING},
}


class _Error(NamedTuple):
    """``code`` and ``message`` are those of the example."""

    about: str
    kind: str
    code: str
    message: str
    param: str | None = None


_ERRORS: dict[int, _Error] = {
    400: _Error(
        "A parameter or the recording cannot be used; `param` says which.",
        "invalid_request_error",
        "invalid_value",
        "temperature: Input should be less than or equal to 1.",
        "temperature",
    ),
    401: _Error(
        "No valid key, where keys are set.",
        "authentication_error",
        "invalid_api_key",
        "A valid API key is needed: Authorization: Bearer <key>.",
    ),
    403: _Error(
        "A short-lived credential opens live sessions, and nothing else; or a page of another origin calls.",
        "invalid_request_error",
        "insufficient_scope",
        "This short-lived credential opens only live sessions; this needs an API key.",
    ),
    404: _Error(
        "Another model is asked for than the served one.",
        "invalid_request_error",
        "model_not_found",
        "The model does not exist here.",
        "model",
    ),
    413: _Error(
        "The body is larger than allowed.",
        "invalid_request_error",
        "content_too_large",
        "Maximum content size limit (536870912) exceeded.",
    ),
    421: _Error(
        "The request came under a name that is not this server's; its operator can add names.",
        "invalid_request_error",
        "host_not_allowed",
        "The Host of this request is not a name of this server; the operator can add it with --allowed-hosts.",
    ),
    415: _Error(
        "The body is of another type than those described, or not audio in a format that is read.",
        "invalid_request_error",
        "unsupported_format",
        "This is not audio in a format that is read here.",
        "file",
    ),
    429: _Error(
        "Too much work is queued, or too many uploads come in; `Retry-After` says when to come again.",
        "rate_limit_error",
        "overloaded",
        "Too many requests are waiting.",
    ),
    500: _Error(
        "The server failed; the same request would fail again.",
        "server_error",
        "internal_error",
        "The server failed to handle this request.",
    ),
    504: _Error(
        "The answer was not ready in the time that the request gave, or the server gives.",
        "server_error",
        "deadline_exceeded",
        "The answer was not ready in the time that the request gives or the server allows.",
    ),
    503: _Error(
        "The model is not ready, the server is about to stop, or it is short of disk or memory; `Retry-After` says "
        "when to come again.",
        "server_error",
        "model_not_ready",
        "The model is being loaded.",
    ),
}
_RETRIED = (429, 503)
_WRONG_NAME = 421


def header(name: str) -> dict[str, str]:
    """A header among the components."""
    return {"$ref": f"#/components/headers/{name}"}


def _example(error: _Error, shape: str) -> dict[str, Any]:
    if shape == DEEPGRAM:
        return {"err_code": error.code.upper(), "err_msg": error.message, "request_id": "req_0123456789abcdef"}
    return {"error": {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}}


def _response(status: int, error: _Error, shape: str) -> dict[str, Any]:
    headers = {"x-request-id": header("RequestId"), "x-should-retry": header("ShouldRetry")}
    if status in _RETRIED:
        headers |= {"retry-after": header("RetryAfter"), "retry-after-ms": header("RetryAfterMs")}
    if status == 429:
        headers |= {name: header(name) for name in LIMITS}
    if status == 401:
        headers["www-authenticate"] = header("Authenticate")
    if shape == DEEPGRAM:
        headers |= {"dg-request-id": header("RequestId"), "dg-error": header("DeepgramError")}
    content = {"application/json": {"schema": ref(shape), "example": _example(error, shape)}}
    return {"description": error.about, "headers": headers, "content": content}


RESPONSES: dict[str, Any] = {
    f"{shape}{status}": _response(status, error, shape)
    for shape in (OPENAI, DEEPGRAM)
    for status, error in _ERRORS.items()
}
"""The components that `answers` refers to."""


def answers(
    *statuses: int, shape: str = OPENAI, any_name: bool = False, **whole: dict[str, Any]
) -> dict[int | str, Any]:
    """The responses of an operation: ``ok`` among ``whole`` for 200, and errors of these statuses.

    ``any_name``: it answers whatever name the server is called by.
    """
    told = sorted(statuses if any_name else {*statuses, _WRONG_NAME})
    responses: dict[int | str, Any] = {"200": whole["ok"]} if "ok" in whole else {}
    return responses | {str(status): {"$ref": f"#/components/responses/{shape}{status}"} for status in told}


def json_content(schema: Schema, example: object) -> dict[str, Any]:
    """A JSON body."""
    return {"application/json": {"schema": schema, "example": example}}


def json_body(properties: dict[str, Any], *, example: dict[str, Any]) -> dict[str, Any]:
    """A request's body of settings, which may be left out."""
    return {"requestBody": {"content": json_content({"type": "object", "properties": properties}, example)}}


def json_responses(
    description: str, example: dict[str, Any], schema: Schema | None = None, shape: str = OPENAI
) -> dict[int | str, dict[str, Any]]:
    """Of a route that reads settings and needs a key."""
    ok = {"description": description, "content": json_content(schema or {"type": "object"}, example)}
    return answers(400, 401, 403, 413, 500, shape=shape, ok=ok)
