"""Who sent a request: what it carries for a key, held against the keys that are known."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Scope as Request

from server.http.auth.grants import Grant, GrantExpired, Scope, read_grant
from server.http.paths import path_of

EPHEMERAL: Final = "ek_"
"""OpenAI's client secrets begin so; its clients tell them from keys by that."""

_SCHEMES = frozenset({"bearer", "token"})
_KEYS_IN_SUBPROTOCOLS = ("openai-insecure-api-key.", "realtime-token.")
"""Of OpenAI's clients, and of NVIDIA's for the same protocol."""
_WEBSOCKET = "websocket"
_OPENED = {
    Scope.REALTIME: frozenset({(_WEBSOCKET, "/v1/realtime")}),
    Scope.LISTEN: frozenset({(_WEBSOCKET, "/v1/listen"), ("POST", "/v1/listen"), (_WEBSOCKET, "/v2/listen")}),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        digest: of the key that it carries, or that signed the grant it carries.
        grant: None for a key itself.
    """

    digest: bytes
    grant: Grant | None = None

    @property
    def key_id(self) -> str:
        """The key's name in logs."""
        return self.digest.hex()[:8]

    def may(self, request: Request) -> bool:
        """A key opens everything, a grant what its scope names."""
        verb = request.get("method", _WEBSOCKET)
        return self.grant is None or (verb, path_of(request)) in _OPENED[self.grant.scope]


class Keys:
    """The keys of a server; none: everybody may call, and a grant only says how a session is to begin.

    Only digests are kept. All of them are compared, each in constant time, so that the time taken tells nothing about
    which key came close.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(_digest(key) for key in keys)

    @property
    def none(self) -> bool:
        return not self._digests

    def caller(self, credentials: Iterable[str], *, now: float) -> Caller | None:
        """Who carries these at this Unix time: whatever of it is known counts. None: nobody who may call.

        Raises GrantExpired.
        """
        expired = False
        foreign = False
        for credential in credentials:
            digest = _digest(credential)
            if self._is_known(digest):
                return Caller(digest)
            try:
                found = read_grant(credential.removeprefix(EPHEMERAL), self._digests or (_NOBODY,), now=now)
            except GrantExpired:
                expired = True
                continue
            if found is not None:
                return Caller(found[1], found[0])
            foreign |= credential.startswith(EPHEMERAL)
        if expired:
            raise GrantExpired
        # Without keys anything is taken for one, but not a secret whose settings would be lost in silence.
        return Caller(_NOBODY) if self.none and not foreign else None

    def _is_known(self, digest: bytes) -> bool:
        matches = [secrets.compare_digest(digest, known) for known in self._digests]
        return any(matches)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a request may carry its key beside ``Authorization`` and the subprotocols of a WebSocket.

    Attributes:
        header: in ``X-API-Key``.
        query: in ``?token=``.
    """

    header: bool = False
    query: bool = False

    def credentials(self, request: Request) -> Iterator[str]:
        """Everything that a request gives for a key."""
        headers = Headers(scope=request)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() in _SCHEMES:
            yield key.strip()
        yield from _in_subprotocols(request.get("subprotocols", []))
        if self.header and (key := headers.get("x-api-key", "").strip()):
            yield key
        if self.query:
            query: bytes = request["query_string"]
            yield from (value for name, value in parse_qsl(query.decode("latin-1")) if name == "token")


def _in_subprotocols(offered: list[str]) -> Iterator[str]:
    """Browsers can give a WebSocket no headers, but subprotocols: behind a prefix, or after a scheme's name."""
    for position, entry in enumerate(offered):
        prefix = next((prefix for prefix in _KEYS_IN_SUBPROTOCOLS if entry.startswith(prefix)), None)
        if prefix is not None:
            yield entry.removeprefix(prefix)
        elif position and offered[position - 1].lower() in _SCHEMES:
            yield entry


def caller_of(request: Request) -> Caller:
    """Who sent a request that was let through, as ``AuthMiddleware`` noted it."""
    caller: Caller = request["state"]["caller"]
    return caller


def _digest(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


_NOBODY: Final = _digest("")
"""Signs where no keys are: everybody may call there anyway."""
