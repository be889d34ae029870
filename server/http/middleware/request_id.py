"""Every request has an id: the client's where it is a decent one, else a new one. Every answer carries it.

A new one is a UUID: some of Deepgram's SDKs read nothing else.

A WebSocket's answer is that to its handshake, whether it is accepted or refused.
"""

from __future__ import annotations

import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import request_id as current_request_id

_ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_DECENT = re.compile(r"[\w-]{1,64}", re.ASCII)


class RequestIdMiddleware:
    """Puts the id into ``scope["state"]["request_id"]``, the log and the header ``x-request-id``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("x-request-id", "")
        request_id = header if _DECENT.fullmatch(header) else str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] in _ANSWERS:
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        token = current_request_id.set(request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            current_request_id.reset(token)
