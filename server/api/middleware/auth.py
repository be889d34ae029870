"""API keys, checked before anything of the body is read."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.api.errors import ApiError


def key_digest(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


class AuthMiddleware:
    """Lets through what carries ``Authorization: Bearer <key>``, and every request to a public path.

    Only digests are kept. All of them are compared, each in constant time, so that the time taken tells nothing about
    which key came close. Raises ApiError (401) for everything else.
    """

    def __init__(self, app: ASGIApp, *, digests: Iterable[bytes], public_paths: Iterable[str]) -> None:
        self._app = app
        self._digests = tuple(digests)
        self._public_paths = frozenset(public_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] not in self._public_paths:
            digest = self._known_digest(Headers(scope=scope).get("authorization", ""))
            if digest is None:
                raise ApiError(
                    HTTPStatus.UNAUTHORIZED,
                    "A valid API key is needed: Authorization: Bearer <key>.",
                    code="invalid_api_key",
                )
            scope["state"]["log"]["key"] = digest.hex()[:8]
        await self._app(scope, receive, send)

    def _known_digest(self, authorization: str) -> bytes | None:
        scheme, _, key = authorization.partition(" ")
        digest = key_digest(key.strip())
        matches = [secrets.compare_digest(digest, known) for known in self._digests]
        return digest if any(matches) and scheme.lower() == "bearer" else None
