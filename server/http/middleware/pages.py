"""Keeps pages of other sites, in the browser of somebody who can reach this server, from using it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.errors import ApiError
from server.http.hosts import AllowedHosts
from server.http.origins import AllowedOrigins
from server.http.paths import path_of

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing, and what they answer is kept from pages of other origins by the browser."""


class PagesMiddleware:
    """Refuses requests under a name that is not this server's (421), and from pages of other origins (403).

    Args:
        origins: None where keys alone say who may call: a page cannot send one that it was not given.
        probes: paths under which any name is answered; balancers call a server what they like.

    Raises ApiError.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: AllowedHosts, origins: AllowedOrigins | None, probes: Iterable[str]
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._probes = frozenset(probes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and path_of(scope) not in self._probes:
            headers = Headers(scope=scope)
            self._check_host(headers, scope["http_version"])
            if scope.get("method") not in _SAFE_METHODS:  # a WebSocket has none
                self._check_origin(headers)
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers, version: str) -> None:
        hosts = headers.getlist("host")
        if len(hosts) > 1 or (not hosts and version != "1.0"):
            raise ApiError(
                HTTPStatus.BAD_REQUEST, "A request needs one Host header (RFC 9112 3.2).", code="invalid_host"
            )
        if hosts and not self._hosts.allow(hosts[0]):
            raise ApiError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The Host of this request is not a name of this server; the operator can add it with --allowed-hosts.",
                code="host_not_allowed",
            )

    def _check_origin(self, headers: Headers) -> None:
        if self._origins is not None and not self._origins.allow(headers):
            raise ApiError(
                HTTPStatus.FORBIDDEN,
                "Pages of this origin may not call; the server's operator can allow it with --cors-origins.",
                code="origin_not_allowed",
            )
