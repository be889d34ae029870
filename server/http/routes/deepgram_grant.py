"""``POST /v1/auth/grant``: Deepgram's temporary tokens, for pages that must not see the API key."""

from __future__ import annotations

from math import ceil
from time import time
from typing import Any

from fastapi import APIRouter, Request

from server.http.auth.callers import caller_of
from server.http.auth.grants import Grant, Scope
from server.http.deepgram_error import GRANT_PATH
from server.http.errors import invalid
from server.http.openapi import DEEPGRAM, json_body, json_responses
from server.http.openapi.schemas import NUMBER, STRING, record
from server.http.small_json import read_object
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.deepgram.grant import DEFAULT_SECONDS, MAX_SECONDS, answer, seconds_of

router = APIRouter(tags=["deepgram"])

_TOKEN = {"access_token": "eyJ...", "expires_in": 30}
_TOKEN_SCHEMA = record({"access_token": STRING, "expires_in": NUMBER})
_TTL = {"type": ["number", "null"], "minimum": 1, "maximum": MAX_SECONDS, "default": DEFAULT_SECONDS}


@router.post(
    GRANT_PATH,
    summary="Make a temporary token, as Deepgram does",
    openapi_extra=json_body({"ttl_seconds": _TTL}, example={"ttl_seconds": 30}),
    responses=json_responses("The token.", _TOKEN, _TOKEN_SCHEMA, DEEPGRAM),
)
async def grant_token(request: Request) -> dict[str, Any]:
    """Good for live sessions and files at Deepgram's paths until it expires; what was begun goes on."""
    body = await read_object(request)
    try:
        seconds = seconds_of(body)
    except InvalidQuery as error:
        raise invalid("ttl_seconds", error.message, "invalid_value") from None
    grant = Grant(Scope.LISTEN, ceil(time() + seconds))
    return answer(grant.signed(caller_of(request.scope).digest), seconds)
