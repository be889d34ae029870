"""What is left of a key's limits, told with every answer to it, refusals included."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.auth.callers import caller_of

_ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class RateLimitMiddleware:
    """Adds the headers of ``Account.headers``, as they are when the answer begins; none for who is not known."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_limits(message: Message) -> None:
            if message["type"] in _ANSWERS and "caller" in scope["state"]:
                MutableHeaders(scope=message).update(caller_of(scope).account.headers)
            await send(message)

        await self._app(scope, receive, send_with_limits)
