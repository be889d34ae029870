"""API keys, checked before anything of the body is read or a WebSocket is accepted."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.errors import ApiError

_SCHEMES = frozenset({"bearer", "token"})
_KEY_IN_SUBPROTOCOL = "openai-insecure-api-key."


def key_digest(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


class AuthMiddleware:
    """Lets through what carries a known key, and every request to a public path.

    A key comes as ``Authorization: Bearer <key>`` or ``Authorization: Token <key>``. Browsers can give a WebSocket no
    headers; there it may come among the subprotocols, behind ``openai-insecure-api-key.`` or after ``token`` or
    ``bearer``.

    Only digests are kept. All of them are compared, each in constant time, so that the time taken tells nothing about
    which key came close. Raises ApiError (401) for everything else.
    """

    def __init__(self, app: ASGIApp, *, digests: Iterable[bytes], public_paths: Iterable[str]) -> None:
        self._app = app
        self._digests = tuple(digests)
        self._public_paths = frozenset(public_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] not in self._public_paths:
            known = [digest for key in _keys(scope) if self._is_known(digest := key_digest(key))]
            if not known:
                raise ApiError(
                    HTTPStatus.UNAUTHORIZED,
                    "A valid API key is needed: Authorization: Bearer <key>.",
                    code="invalid_api_key",
                )
            scope["state"]["log"]["key"] = known[0].hex()[:8]
        await self._app(scope, receive, send)

    def _is_known(self, digest: bytes) -> bool:
        matches = [secrets.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def _keys(scope: Scope) -> Iterator[str]:
    """Everything a request gives for a key."""
    scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() in _SCHEMES:
        yield key.strip()
    subprotocols: list[str] = scope.get("subprotocols", [])
    for position, entry in enumerate(subprotocols):
        if entry.startswith(_KEY_IN_SUBPROTOCOL):
            yield entry.removeprefix(_KEY_IN_SUBPROTOCOL)
        elif position and subprotocols[position - 1].lower() in _SCHEMES:
            yield entry
