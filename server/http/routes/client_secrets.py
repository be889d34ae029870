"""Short-lived credentials for OpenAI's clients: what a page needs to open a live session without the API key."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from time import time
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter, Request

from server.context import ContextRoom
from server.http.auth.callers import EPHEMERAL, caller_of
from server.http.auth.grants import Grant, Scope
from server.http.errors import ApiError, invalid
from server.http.openapi import json_body, json_responses
from server.http.openapi.schemas import INTEGER, STRING, record
from server.http.service import service_of
from server.http.small_json import read_object
from server.protocols.openai.realtime.client_secrets import MAX_SECONDS, MIN_SECONDS, SecretRequest
from server.protocols.openai.realtime.errors import EventError

router = APIRouter(prefix="/v1/realtime", tags=["live"])

MAX_CHARACTERS: Final = 7_500
"""Of a secret: it has to fit into one line of a handshake, of which servers and proxies take 8 KiB."""

_SECONDS = {"type": "integer", "minimum": MIN_SECONDS, "maximum": MAX_SECONDS, "default": 600}
_EXPIRES_AFTER = {"type": "object", "properties": {"anchor": {"const": "created_at"}, "seconds": _SECONDS}}
_SESSION = {"type": "object", "description": "As in `session.update`; how sessions begun with the secret begin."}
_BODY = json_body(
    {"expires_after": _EXPIRES_AFTER, "session": _SESSION},
    example={
        "expires_after": {"anchor": "created_at", "seconds": 600},
        "session": {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
    },
)
_FLAT_BODY = json_body(
    {"client_secret": {"type": "object", "properties": {"expires_after": _EXPIRES_AFTER}}},
    example={"input_audio_format": "pcm16", "turn_detection": {"type": "server_vad"}},
)
_ANSWER = {"value": "ek_...", "expires_at": 1_764_147_600, "session": {"type": "transcription", "id": "sess_..."}}
_SECRET: dict[str, Any] = {"value": STRING, "expires_at": INTEGER}
_SCHEMA = record(_SECRET | {"session": record({"type": STRING, "id": STRING})})
_FLAT_SCHEMA = record({"id": STRING, "client_secret": record(_SECRET)})
_FLAT_ANSWER = {"id": "sess_...", "client_secret": {"value": "ek_...", "expires_at": 1_764_147_600}}


@router.post(
    "/client_secrets",
    summary="Make a client secret for live sessions",
    openapi_extra=_BODY,
    responses=json_responses("The secret, and the session that it begins.", _ANSWER, _SCHEMA),
)
async def create_client_secret(request: Request) -> dict[str, Any]:
    """Good for any number of sessions until it expires; what was begun goes on."""
    asked = await _asked(request, SecretRequest.parse)
    return asked.answer(_session_id(), *_secret(request, asked))


@router.post(
    "/transcription_sessions",
    summary="Make a client secret, in the shape of the beta's API",
    openapi_extra=_FLAT_BODY,
    responses=json_responses("The session, with the secret in it.", _FLAT_ANSWER, _FLAT_SCHEMA),
)
async def create_transcription_session(request: Request) -> dict[str, Any]:
    """As ``client_secrets``: the session's flat fields are the body."""
    asked = await _asked(request, SecretRequest.parse_flat)
    return asked.flat_answer(_session_id(), *_secret(request, asked))


@router.post(
    "/sessions",
    summary="Make a client secret, as the beta's API does for sessions that answer",
    openapi_extra=_FLAT_BODY,
    responses=json_responses("The session, with the secret in it.", _FLAT_ANSWER, _FLAT_SCHEMA),
)
async def create_session(request: Request) -> dict[str, Any]:
    """As ``transcription_sessions``; such sessions transcribe too, and answer nothing."""
    asked = await _asked(request, lambda body, *rest: SecretRequest.parse_flat({"type": "realtime"} | body, *rest))
    return asked.flat_answer(_session_id(), *_secret(request, asked))


async def _asked(request: Request, parse: Callable[[dict[str, Any], str, ContextRoom], SecretRequest]) -> SecretRequest:
    """Raises the 400."""
    body = await read_object(request)
    service = service_of(request.scope)
    try:
        return parse(body, service.settings.served_model_name, service.live_context)
    except EventError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, error.message, code=error.code, param=error.param) from None


def _secret(request: Request, asked: SecretRequest) -> tuple[str, int]:
    """The secret, and its end as Unix time. Raises the 400 for a session that fits into none."""
    grant = Grant(Scope.REALTIME, int(time()) + asked.seconds, asked.session.as_json())
    secret = EPHEMERAL + grant.signed(caller_of(request.scope).digest)
    if len(secret) > MAX_CHARACTERS:
        raise invalid(
            "session",
            f"The secret of this session would have {len(secret)} characters, and handshakes take {MAX_CHARACTERS}: "
            "let the client send long prompts and keywords by session.update.",
        )
    return secret, grant.expires_at


def _session_id() -> str:
    return f"sess_{uuid4().hex}"
