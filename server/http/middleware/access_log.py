"""One log record and one count per request, after its answer or its live session ended."""

from __future__ import annotations

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.errors import CLIENT_CLOSED_REQUEST
from server.http.service import service_of

logger = logging.getLogger("server.access")

_SWITCHED = 101
"""Status of a WebSocket's handshake that was accepted."""
_OFTEN = frozenset({"/health", "/ready", "/metrics", "/web/{name:path}"})
"""Probes, and the hundred files that the page is made of."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class AccessLogMiddleware:
    """Logs the client's address, method, route, status, seconds and what a route put into ``scope["state"]["log"]``.

    The route is its template, or "unmatched": paths and queries are the client's words and may hold secrets. Probes
    and files of the page are logged at debug level.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        status = CLIENT_CLOSED_REQUEST
        fields: dict[str, object] = scope["state"].setdefault("log", {})

        async def watch_status(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = _SWITCHED
            await send(message)

        service = service_of(scope)
        began = perf_counter()
        try:
            with service.request():
                await self._app(scope, receive, watch_status)
        finally:
            seconds = perf_counter() - began
            endpoint = getattr(scope.get("route"), "path", "unmatched")
            verb = scope.get("method", "GET")  # a WebSocket's handshake is a GET
            method = verb if verb in _METHODS else "other"
            service.metrics.requests.labels(endpoint, method, str(status)).inc()
            service.metrics.request_duration.labels(endpoint).observe(seconds)
            level = logging.DEBUG if endpoint in _OFTEN else logging.INFO
            client = (scope.get("client") or ("",))[0]
            line = {
                "client": client,
                "method": method,
                "route": endpoint,
                "status": status,
                "seconds": round(seconds, 3),
            }
            logger.log(level, "request", extra={"fields": line | fields})
