"""Short-lived credentials: who has signed them, for how long they are good, and what they open."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import jwt
import pytest

from server.http.auth.callers import Caller, Keys, Places
from server.http.auth.grants import Grant, GrantExpired, Scope, read_grant
from server.http.auth.keys import Key

KEY, OTHER = (hashlib.sha256(key).digest() for key in (b"sk-one", b"sk-other"))
KEYS = Keys([Key(KEY), Key(OTHER)])
NOW = 1_000_000_000


def grant(scope: Scope = Scope.REALTIME, *, until: int = NOW + 60, **session: Any) -> Grant:
    return Grant(scope, until, session)


def read(token: str, *digests: bytes, now: float = NOW) -> tuple[Grant, bytes] | None:
    return read_grant(token, digests, now=now)


def caller(keys: Keys, *credentials: str) -> Caller | None:
    return keys.caller(credentials, now=NOW)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_any_replica_with_the_key_reads_it() -> None:
    made = grant(include=["x"], prompt="Ω")
    assert read(made.signed(OTHER), KEY, OTHER) == (made, OTHER)
    assert read(made.signed(OTHER), KEY) is None, "its key was taken away"


def test_it_expires_and_clocks_may_differ_by_a_little() -> None:
    token = grant(until=NOW + 60).signed(KEY)
    for now in (NOW - 3_600, NOW, NOW + 60, NOW + 60.9):  # it was made by a replica whose clock is ahead, or behind
        assert read(token, KEY, now=now) is not None
    for now in (NOW + 61, NOW + 7_200):
        with pytest.raises(GrantExpired):
            read(token, KEY, now=now)
        assert read(token, OTHER, now=now) is None, "who cannot have made it is told nothing"


def test_nobody_changes_it() -> None:
    header, claims, signature = grant().signed(KEY).split(".")
    later = {"aud": "realtime", "exp": NOW + 86_400, "session": {}}
    for forged in (
        f"{header}.{encoded(later)}.{signature}",
        f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(later)}.",
        f"{header}.{claims}.{signature[:-2]}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        jwt.encode(later, KEY, "HS256"),  # the digest of which logs tell the beginning
        jwt.encode(later, "sk-one" * 6, "HS256"),
        f"{'[' * 50_000}.{claims}.{signature}",
        f"{base64.urlsafe_b64encode(b'[' * 30_000).decode()}.{claims}.{signature}",
        f"{encoded({'alg': 'HS256', 'crit': ['x']})}.{claims}.{signature}",
        "ek_", "..", "é.é.é", "",
    ):  # fmt: skip
        assert read(forged, KEY, OTHER) is None, forged[:60]


def test_a_caller_is_named_by_the_key_behind_it() -> None:
    made = grant()
    for credentials in ([made.signed(OTHER)], [f"ek_{made.signed(OTHER)}"], ["wrong", made.signed(OTHER)]):
        found = caller(KEYS, *credentials)
        assert found == Caller(OTHER, made)
        assert found.key_id == OTHER.hex()[:8]
    assert caller(KEYS, made.signed(OTHER), "sk-one") == Caller(OTHER, made)
    assert caller(KEYS, "sk-one") == Caller(KEY)
    assert caller(KEYS, "ek_sk-one") is None
    assert caller(KEYS) is None


def test_another_credential_counts_beside_one_that_has_expired() -> None:
    old = grant(until=NOW - 60).signed(KEY)
    assert caller(KEYS, old, "sk-one") == Caller(KEY)
    with pytest.raises(GrantExpired):
        caller(KEYS, old, "wrong")


def test_without_keys_everybody_calls_but_no_settings_are_lost() -> None:
    keys = Keys([])
    found = caller(keys, "anything")
    assert found is not None
    assert (found.grant, caller(keys)) == (None, found)
    made = grant(include=["x"])
    assert caller(keys, f"ek_{made.signed(found.digest)}") == Caller(found.digest, made)
    with pytest.raises(GrantExpired):
        caller(keys, grant(until=NOW - 60).signed(found.digest))
    assert caller(keys, "ek_of-another-server") is None
    assert caller(KEYS, made.signed(found.digest)) is None, "of a time when there were no keys"


@pytest.mark.parametrize(
    ("verb", "path", "opened_by"),
    [
        ("websocket", "/v1/realtime", {Scope.REALTIME}),
        ("websocket", "/v1/listen", {Scope.LISTEN}),
        ("websocket", "/v2/listen", {Scope.LISTEN}),
        ("POST", "/v1/listen", {Scope.LISTEN}),
        ("GET", "/v1/listen", set()),
        ("POST", "/v1/realtime", set()),
        ("POST", "/v1/realtime/client_secrets", set()),
        ("POST", "/v1/realtime/transcription_sessions", set()),
        ("POST", "/v1/realtime/sessions", set()),
        ("POST", "/v1/auth/grant", set()),
        ("POST", "/v1/audio/transcriptions", set()),
        ("GET", "/v1/models", set()),
        ("GET", "/metrics", set()),
    ],
)
def test_a_grant_opens_what_it_is_for_and_a_key_everything(verb: str, path: str, opened_by: set[Scope]) -> None:
    request = {"type": "websocket", "path": path} if verb == "websocket" else {"method": verb, "path": path}
    assert {scope for scope in Scope if Caller(KEY, grant(scope)).may(request)} == opened_by
    assert Caller(KEY).may(request)


def request(*, subprotocols: tuple[str, ...] = (), query: str = "", **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"headers": named, "subprotocols": list(subprotocols), "query_string": query.encode()}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (request(authorization="Bearer k"), ["k"]),
        (request(authorization="token  k "), ["k"]),
        (request(authorization="Basic k"), []),
        (request(subprotocols=("realtime", "openai-insecure-api-key.k")), ["k"]),
        (request(subprotocols=("realtime", "realtime-token.k")), ["k"]),
        (request(subprotocols=("bearer", "k")), ["k"]),
        (request(x_api_key="k", query="token=k"), []),
    ],
)
def test_where_keys_are_looked_for(given: dict[str, Any], found: list[str]) -> None:
    assert list(Places().credentials(given)) == found


@pytest.mark.parametrize(
    ("places", "found"),
    [(Places(header=True), ["h"]), (Places(query=True), ["a b+", "c"]), (Places(True, True), ["h", "a b+", "c"])],
)
def test_where_keys_may_be_looked_for_too(places: Places, found: list[str]) -> None:
    assert list(places.credentials(request(x_api_key=" h ", query="model=x&token=a+b%2B&token=c&Token=d"))) == found
    assert list(places.credentials(request(x_api_key="", query="token="))) == []
