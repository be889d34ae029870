"""Everything that is raised becomes an error of the protocol; this is the one place where that happens."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.errors import shutting_down, to_api_error
from server.api.service import service_of

_REJECTIONS = frozenset(
    {"overloaded", "model_not_ready", "shutting_down", "invalid_api_key", "content_too_large", "upload_too_slow"}
)
"""Codes of requests that were refused for the server's sake, whatever is in them; counted."""


class FaultMiddleware:
    """Answers for what a route or an inner middleware raised, and 503 for a request that the ending server cancels.

    When the answer has begun, its status cannot be changed: the exception goes on, and the server cuts the connection,
    so that the client sees an incomplete answer instead of a short one. A client that left is not answered.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch_start)
        except asyncio.CancelledError:
            if not started:
                await shutting_down().response(scope, receive, send)
            raise
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                raise
            refusal = to_api_error(error)
            if refusal.code in _REJECTIONS:
                service_of(scope).metrics.rejections.labels(refusal.code).inc()
            await refusal.response(scope, receive, send)
