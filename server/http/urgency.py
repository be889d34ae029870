"""How soon a request wants its answer: until when it is worth having, and whether it goes first."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from server.http.auth.callers import caller_of
from server.http.errors import ApiError, invalid
from server.http.service import service_of
from server.protocols.service_tier import SERVICE_TIERS, is_urgent

TIMEOUT_HEADER: Final = "x-request-timeout"
"""Seconds from the request's head to the answer's end. OpenAI's clients send ``x-stainless-read-timeout`` on their own:
that is how long they wait between two reads, and says nothing about the whole."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}")
_TIER: Final = "service_tier"


def deadline_of(request: Request) -> float | None:
    """Until when the answer is worth having, by the event loop's clock: as the client says, at most what the server
    gives every request. Raises the 400.
    """
    longest = service_of(request.scope).settings.max_request_seconds
    if asked := request.headers.get(TIMEOUT_HEADER, "").strip():
        if not _SECONDS.fullmatch(asked) or not float(asked):
            raise invalid(TIMEOUT_HEADER, f"{TIMEOUT_HEADER} has to be a number of seconds above 0.")
        longest = min(float(asked), float("inf") if longest is None else longest)
    return None if longest is None else asyncio.get_running_loop().time() + longest


def urgent_at_the_door(request: Request) -> bool:
    """Whether it goes first by its query, which is known before the body. Raises the 400 and the 403."""
    tier = request.query_params.get(_TIER, "").strip().lower()
    if tier and tier not in SERVICE_TIERS:
        raise invalid(_TIER, f"{_TIER} is one of {', '.join(SERVICE_TIERS)}.")
    return granted(request, is_urgent(tier))


def granted(request: Request, urgent: bool) -> bool:
    """Whether it goes first, where it asks to. Raises the 403 if the caller may not."""
    if urgent and not caller_of(request.scope).account.limits.priority:
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            "This key may not ask for service_tier=priority.",
            code="service_tier_not_allowed",
            param=_TIER,
        )
    return urgent
