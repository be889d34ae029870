"""Everything that is raised becomes an error of the protocol; this is the one place where that happens."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.deepgram_error import in_shape_of
from server.http.errors import ApiError, shutting_down, to_api_error
from server.http.paths import path_of
from server.http.service import service_of

_ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_DENIAL = "websocket.http.response"
_POLICY_VIOLATION = 1008


class FaultMiddleware:
    """Answers for what a route or an inner middleware raised, and 503 for a request that the ending server cancels.

    When the answer has begun, its status cannot be changed: the exception goes on, and the server cuts the connection,
    so that the client sees an incomplete answer instead of a short one. A client that left is not answered.

    A WebSocket's handshake is refused by an answer in the same way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch_start(message: Message) -> None:
            nonlocal started
            if message["type"] == "websocket.close" and not started:
                raise ApiError(HTTPStatus.NOT_FOUND, "There is no WebSocket at this path.", code="not_found")
            started = started or message["type"] in _ANSWERS
            await send(message)

        try:
            await self._app(scope, receive, watch_start)
        except asyncio.CancelledError:
            if not started:
                await self._refuse(shutting_down(), scope, receive, send)
            raise
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                raise
            refusal = to_api_error(error)
            service_of(scope).metrics.refused(refusal.code, refusal.status)
            await self._refuse(refusal, scope, receive, send)

    async def _refuse(self, refusal: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = in_shape_of(path_of(scope), refusal, scope["state"]["request_id"])
        if scope["type"] == "websocket" and _DENIAL not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal.code or ""})
        else:
            await refusal.response(scope, receive, send)
