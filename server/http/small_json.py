"""JSON bodies of requests that carry settings and no sound."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from pydantic_core import from_json

from server.http.errors import ApiError, invalid
from server.resources import Share

MAX_BYTES: Final = 1 << 18
"""What may be set is echoed, and no answer is to hold up others."""
_READ: Final = 4
"""Times the body, that it takes with what is read of it."""


async def read_object(request: Request, max_bytes: int = MAX_BYTES, memory: Share | None = None) -> dict[str, Any]:
    """The body as an object; an empty one names nothing. Raises the 400 and the 413.

    ``memory``: where the body counts, and what is read of it; raises BudgetSpent then.
    """
    body = bytearray()
    async for chunk in request.stream():
        if memory is not None:
            memory.take(_READ * len(chunk))
        body += chunk
        if len(body) > max_bytes:
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body may have {max_bytes} bytes here.",
                code="content_too_large",
            )
    if not body.strip():
        return {}
    try:
        value = from_json(bytes(body), allow_inf_nan=False)
    except ValueError:
        raise invalid(None, "The body is not valid JSON.", "invalid_json") from None
    if not isinstance(value, dict):
        raise invalid(None, "The body has to be a JSON object.", "invalid_json")
    return value
