"""Short-lived credentials: who has signed them, for how long they are good, and what they open."""

from __future__ import annotations

import base64
import hashlib
import json
from time import time
from typing import Any

import jwt
import pytest

from server.http.auth.callers import Caller, Keys, Places
from server.http.auth.grants import Grant, GrantExpired, Scope, read_grant

KEY, OTHER = (hashlib.sha256(key).digest() for key in (b"sk-one", b"sk-other"))
KEYS = Keys(["sk-one", "sk-other"])


def grant(scope: Scope = Scope.REALTIME, *, seconds: float = 60, **session: Any) -> Grant:
    return Grant(scope, int(time() + seconds), session)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_any_replica_with_the_key_reads_it() -> None:
    made = grant(include=["x"], prompt="Ω")
    assert read_grant(made.signed(OTHER), [KEY, OTHER]) == (made, OTHER)
    assert read_grant(made.signed(OTHER), [KEY]) is None, "its key was taken away"


def test_it_expires_and_clocks_may_differ_by_a_little() -> None:
    assert read_grant(grant(seconds=-3).signed(KEY), [KEY]) is not None
    with pytest.raises(GrantExpired):
        read_grant(grant(seconds=-10).signed(KEY), [KEY])
    assert read_grant(grant(seconds=-10).signed(KEY), [OTHER]) is None, "who cannot have made it is told nothing"


def test_nobody_changes_it() -> None:
    header, claims, signature = grant().signed(KEY).split(".")
    later = {"aud": "realtime", "exp": int(time()) + 86_400, "session": {}}
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
        assert read_grant(forged, [KEY, OTHER]) is None, forged[:60]


def test_a_caller_is_named_by_the_key_behind_it() -> None:
    made = grant()
    for credentials in ([made.signed(OTHER)], [f"ek_{made.signed(OTHER)}"], ["wrong", made.signed(OTHER)]):
        caller = KEYS.caller(credentials)
        assert caller == Caller(OTHER, made)
        assert caller.key_id == OTHER.hex()[:8]
    assert KEYS.caller([made.signed(OTHER), "sk-one"]) == Caller(OTHER, made)
    assert KEYS.caller(["sk-one"]) == Caller(KEY)
    assert KEYS.caller(["ek_sk-one"]) is None
    assert KEYS.caller([]) is None


def test_another_credential_counts_beside_one_that_has_expired() -> None:
    old = grant(seconds=-60).signed(KEY)
    assert KEYS.caller([old, "sk-one"]) == Caller(KEY)
    with pytest.raises(GrantExpired):
        KEYS.caller([old, "wrong"])


def test_without_keys_everybody_calls_but_no_settings_are_lost() -> None:
    keys = Keys([])
    caller = keys.caller(["anything"])
    assert caller is not None
    assert (caller.grant, keys.caller([])) == (None, caller)
    made = grant(include=["x"])
    assert keys.caller([f"ek_{made.signed(caller.digest)}"]) == Caller(caller.digest, made)
    with pytest.raises(GrantExpired):
        keys.caller([grant(seconds=-60).signed(caller.digest)])
    assert keys.caller(["ek_of-another-server"]) is None
    assert KEYS.caller([made.signed(caller.digest)]) is None, "of a time when there were no keys"


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
