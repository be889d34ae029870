"""Who sent a request: what it carries for a key, held against the keys that are known, and what that key may have."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Scope as Request

from server.http.auth.accounts import Account
from server.http.auth.grants import Grant, GrantExpired, Scope, read_grant
from server.http.auth.keys import NO_LIMITS, Key, KeyLimits, digest_of
from server.http.paths import path_of

EPHEMERAL: Final = "ek_"
"""OpenAI's client secrets begin so; its clients tell them from keys by that."""

_SCHEMES = frozenset({"bearer", "token"})
_KEYS_IN_SUBPROTOCOLS = ("openai-insecure-api-key.", "realtime-token.")
"""Of OpenAI's clients, and of NVIDIA's for the same protocol."""
_NOBODY: Final = digest_of("")
"""Signs where no keys are: everybody may call there anyway."""
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
        account: of this key: what it has in work, whoever carries the key or a grant of it.
        name: of the key, where its file gives it one.
    """

    digest: bytes
    grant: Grant | None = None
    account: Account = field(default_factory=Account, compare=False)
    name: str | None = None

    @property
    def key_id(self) -> str:
        """What logs call the key."""
        return self.name or self.digest.hex()[:8]

    def may(self, request: Request) -> bool:
        """A key opens everything, a grant what its scope names."""
        verb = request.get("method", _WEBSOCKET)
        return self.grant is None or (verb, path_of(request)) in _OPENED[self.grant.scope]


class Keys:
    """The keys of a server; none: everybody may call, and a grant only says how a session is to begin.

    Only digests are kept. All of them are compared, each in constant time, so that the time taken tells nothing about
    which key came close.

    Each has an account. Without keys everybody has the same one.
    """

    def __init__(self, keys: Iterable[Key], *, nobody: KeyLimits = NO_LIMITS) -> None:
        """``nobody``: what all callers together may have where there are no keys."""
        self._keys: dict[bytes, Key] = {}
        self._accounts: dict[bytes, Account] = {_NOBODY: Account(nobody)}
        self.replace(keys)

    def replace(self, keys: Iterable[Key]) -> None:
        """Know these from now on. What is in work goes on, and counts for keys that were known before."""
        self._keys = {key.digest: key for key in keys}
        kept = {_NOBODY: self._accounts[_NOBODY]}
        for digest, key in self._keys.items():
            account = kept[digest] = self._accounts.get(digest) or Account()
            account.limits = key.limits
        self._accounts = kept

    @property
    def none(self) -> bool:
        return not self._keys

    def account_of(self, digest: bytes) -> Account | None:
        """That of the key with this digest, which a caller had; None where the key is known no longer."""
        return self._accounts.get(digest) if digest in self._keys or (self.none and digest == _NOBODY) else None

    def caller(self, credentials: Iterable[str], *, now: float) -> Caller | None:
        """Who carries these at this Unix time: whatever of it is known counts. None: nobody who may call.

        Raises GrantExpired.
        """
        expired = False
        foreign = False
        for credential in credentials:
            digest = digest_of(credential)
            if self._is_known(digest):
                return self._named(digest)
            try:
                found = read_grant(credential.removeprefix(EPHEMERAL), tuple(self._keys) or (_NOBODY,), now=now)
            except GrantExpired:
                expired = True
                continue
            if found is not None:
                return self._named(found[1], found[0])
            foreign |= credential.startswith(EPHEMERAL)
        if expired:
            raise GrantExpired
        # Without keys anything is taken for one, but not a secret whose settings would be lost in silence.
        return self._named(_NOBODY) if self.none and not foreign else None

    def _named(self, digest: bytes, grant: Grant | None = None) -> Caller:
        key = self._keys.get(digest)
        return Caller(digest, grant, self._accounts[digest], key.name if key else None)

    def _is_known(self, digest: bytes) -> bool:
        matches = [secrets.compare_digest(digest, known) for known in self._keys]
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
