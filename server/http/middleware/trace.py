"""Every request and every live session is a span, where traces are wanted; logs tell its trace in any case.

Attributes follow OpenTelemetry's conventions for HTTP servers, but for ``url.path`` and ``url.query``: those are the
client's words and may hold secrets. https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.errors import CLIENT_CLOSED_REQUEST
from server.http.paths import path_of
from server.http.service import service_of
from server.traceparent import current, is_traceparent, unsampled
from server.tracing.tracer import Attribute, Kind, Span, working_for

_PROBES = frozenset({"/health", "/ready", "/metrics"})
_SWITCHED = 101
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TraceMiddleware:
    """Begins a span below the client's (header ``traceparent``). What a route has logged becomes its attributes.

    Probes are no spans. Where nothing is traced the client's trace is told in the logs all the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or path_of(scope) in _PROBES:
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("traceparent", "")
        parent = header if is_traceparent(header) else None
        tracer = service_of(scope).tracer
        if not tracer.records:
            token = current.set(None if parent is None else unsampled(parent))
            try:
                await self._app(scope, receive, send)
            finally:
                current.reset(token)
            return
        span = tracer.start(_method(scope), parent, kind=Kind.SERVER, attributes=_known(scope))
        with working_for(span):
            await self._follow(span, scope, receive, send)

    async def _follow(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        status = CLIENT_CLOSED_REQUEST

        async def watch_status(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = _SWITCHED
            await send(message)

        error: str | None = None
        try:
            await self._app(scope, receive, watch_status)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                span.rename(f"{_method(scope)} {route}")
                span.set({"http.route": route})
            span.set({"http.response.status_code": status} | _logged(scope))
            span.end(error=str(status) if error is None and status >= 500 else error)


def _method(scope: Scope) -> str:
    """A WebSocket's handshake is a GET, and what is no method of HTTP is the client's word."""
    method = scope.get("method", "GET")
    return method if method in _METHODS else "_OTHER"


def _known(scope: Scope) -> dict[str, Attribute]:
    """What is known from the start."""
    attributes: dict[str, Attribute] = {
        "http.request.method": _method(scope),
        "url.scheme": scope.get("scheme", "http"),
        "asr.request_id": scope["state"]["request_id"],
    }
    if (version := scope.get("http_version")) is not None:
        attributes["network.protocol.version"] = version
    if (server := scope.get("server")) is not None:
        attributes |= {"server.address": server[0], "server.port": server[1] or 0}
    return attributes


def _logged(scope: Scope) -> dict[str, Attribute]:
    """What the route has put into the request's record of the log, as attributes of this server."""
    fields: dict[str, object] = scope["state"].get("log", {})
    return {f"asr.{name}": value for name, value in fields.items() if isinstance(value, str | bool | int | float)}
