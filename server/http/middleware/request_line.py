"""What stands in a request's first line, brought into the form that the routes have."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SLASHES = re.compile(rb"/{2,}")


class RequestLineMiddleware:
    """Extra slashes count as none, and HEAD as GET.

    Base URLs are written with and without a slash at the end, and clients add another one: ``//v1/models`` and
    ``/v1/audio/transcriptions/`` lead where the plain paths lead. They are not redirected there: many clients repeat no
    body, or forget their key, and behind a proxy that ends TLS the scheme would be wrong. Slashes that are written as
    ``%2F`` belong to a name and stay.

    An answer to HEAD has the headers that GET would have got (RFC 9110 9.3.2); whoever serves the application leaves
    the body away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        _tidy(scope)
        if scope.get("method") != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_as_head(message: Message) -> None:
            scope["method"] = "HEAD"
            await send(message)

        # In place: the route that is found is noted in the scope, for those outside of it.
        scope["method"] = "GET"
        try:
            await self._app(scope, receive, send_as_head)
        finally:
            scope["method"] = "HEAD"


def _tidy(scope: Scope) -> None:
    written: bytes = scope.get("raw_path") or scope["path"].encode()
    tidy = _SLASHES.sub(b"/", written)
    if len(tidy) > 1:
        tidy = tidy.removesuffix(b"/")
    if tidy != written:
        scope["raw_path"] = tidy
        scope["path"] = unquote(tidy.decode("ascii", "surrogateescape"))
