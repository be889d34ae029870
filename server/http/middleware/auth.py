"""API keys, checked before anything of the body is read or a WebSocket is accepted."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from time import time

from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.auth.callers import Caller, Keys, Places
from server.http.auth.grants import GrantExpired
from server.http.errors import ApiError
from server.http.paths import path_of


class AuthMiddleware:
    """Lets through who carries a known key or a grant that opens this path, and every request to a public path.

    Puts the ``Caller`` into ``scope["state"]["caller"]``. Raises ApiError: 401 for who is not known, 403 for a grant at
    a path that it does not open. Without keys everybody is let through; a grant is held to its scope all the same, so
    that what works while somebody tries it works with keys too.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys, places: Places, public_paths: Iterable[str]) -> None:
        self._app = app
        self._keys = keys
        self._places = places
        self._public_paths = frozenset(public_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and path_of(scope) not in self._public_paths:
            caller = self._recognised(scope)
            scope["state"]["caller"] = caller
            self._note(scope["state"]["log"], caller)
            if not caller.may(scope):
                raise ApiError(
                    HTTPStatus.FORBIDDEN,
                    "This short-lived credential opens only live sessions; this needs an API key.",
                    code="insufficient_scope",
                )
        await self._app(scope, receive, send)

    def _recognised(self, scope: Scope) -> Caller:
        try:
            caller = self._keys.caller(self._places.credentials(scope), now=time())
        except GrantExpired:
            raise ApiError(
                HTTPStatus.UNAUTHORIZED, "This short-lived credential has expired.", code="credential_expired"
            ) from None
        if caller is None:
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "A valid API key is needed: Authorization: Bearer <key>.",
                code="invalid_api_key",
            )
        return caller

    def _note(self, log: dict[str, object], caller: Caller) -> None:
        if not self._keys.none:
            log["key"] = caller.key_id
        if caller.grant is not None:
            log["grant"] = caller.grant.scope.value
