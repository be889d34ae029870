"""Client secrets and temporary tokens over HTTP: made with a key, used without one, by OpenAI's client too."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from time import time
from typing import Any, Final

import httpx
import openai
import pytest
from openai.types.beta.realtime import SessionCreateResponse, TranscriptionSession
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from server.http.auth.grants import Grant, Scope
from server.http.routes.client_secrets import MAX_CHARACTERS
from server.logs import JsonFormatter
from tests.server.http.conftest import KEY, OTHER_KEY, assert_envelope
from tests.server.http.live_echo import address
from tests.server.http.test_observability import log_lines
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

BEARER = {"authorization": f"Bearer {KEY}"}
SECRETS = "/v1/realtime/client_secrets"
GRANT = "/v1/auth/grant"
REALTIME = "/v1/realtime?intent=transcription"
LISTEN = "/v1/listen?encoding=linear16&sample_rate=16000"
FLUX = "/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000"
LOGPROBS: Final = "item.input_audio_transcription.logprobs"
SESSION = {
    "type": "transcription",
    "include": [LOGPROBS],
    "audio": {"input": {"turn_detection": None, "transcription": {"prompt": "Chess."}}},
}


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningServer]:
    """Has one of the keys, and looks for it in more places."""
    with running_server(api_keys=(OTHER_KEY,), key_in_x_api_key=True, key_in_query=True) as running:
        yield running


def made(server: RunningServer, key: str = KEY, path: str = SECRETS, **body: Any) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}{path}", json=body, headers={"authorization": f"Bearer {key}"}, timeout=60)
    assert answer.status_code == 200, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed


def created(server: RunningServer, secret: str | None, path: str = REALTIME) -> dict[str, Any]:
    """How a session begins that a page opens with this secret."""
    names = ["realtime", *([] if secret is None else [f"openai-insecure-api-key.{secret}"])]
    offered = [Subprotocol(name) for name in names]
    with connect(address(server, path), proxy=None, open_timeout=60, subprotocols=offered) as connection:
        assert connection.subprotocol == "realtime"
        event: dict[str, Any] = json.loads(connection.recv(timeout=60))
    assert event["type"] == "session.created"
    session: dict[str, Any] = event["session"]
    return session


def refusal(server: RunningServer, secret: str, path: str = REALTIME) -> Response:
    headers = {"authorization": f"Bearer {secret}"}
    with pytest.raises(InvalidStatus) as caught:
        connect(address(server, path), proxy=None, open_timeout=60, additional_headers=headers)
    return caught.value.response


def code_of(response: Response) -> tuple[int, str]:
    body = json.loads(response.body or b"")
    return response.status_code, body["error"]["code"] if "error" in body else body["err_code"]


# --------------------------------------------------------------------------------------------------- client secrets


def test_openais_client_makes_a_secret_and_a_page_begins_with_its_settings(guarded_server: RunningServer) -> None:
    with openai.OpenAI(base_url=f"{guarded_server.url}/v1", api_key=KEY, max_retries=0) as client:
        secret = client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 30},
            session={"type": "transcription", "include": [LOGPROBS], "audio": {"input": {"turn_detection": None}}},
        )
    assert secret.value.startswith("ek_")
    assert 20 < secret.expires_at - time() <= 30
    assert secret.session.type == "transcription"
    session = created(guarded_server, secret.value)
    told = secret.session.to_dict()
    assert session.pop("id").startswith("sess_")
    assert str(told.pop("id")).startswith("sess_")
    assert session == told
    assert session["include"] == [LOGPROBS]
    assert session["audio"]["input"]["turn_detection"] is None


async def test_openais_client_connects_with_a_secret_as_its_key(guarded_server: RunningServer) -> None:
    secret = made(guarded_server, session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."})
    assert secret["session"]["object"] == "realtime.session"
    assert 590 < secret["expires_at"] - time() <= 600
    async with (
        openai.AsyncOpenAI(base_url=f"{guarded_server.url}/v1", api_key=secret["value"]) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        event = await connection.recv()
        assert event.type == "session.created"
        assert event.session.type == "realtime"
        await connection.session.update(session={"type": "transcription", "audio": {"input": {"turn_detection": None}}})
        assert (await connection.recv()).type == "session.updated"


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"session": null, "expires_after": null}'])
def test_nothing_has_to_be_named(guarded_server: RunningServer, body: bytes) -> None:
    answer = httpx.post(f"{guarded_server.url}{SECRETS}", content=body, headers=BEARER, timeout=60)
    assert answer.status_code == 200
    assert 590 < answer.json()["expires_at"] - time() <= 600
    assert created(guarded_server, answer.json()["value"])["type"] == "transcription"


@pytest.mark.parametrize(
    ("path", "shape", "named"),
    [
        ("transcription_sessions", TranscriptionSession, "expires_at"),
        ("transcription_sessions", TranscriptionSession, "expires_after"),
        ("sessions", SessionCreateResponse, "expires_after"),
    ],
)
def test_the_older_routes(guarded_server: RunningServer, path: str, shape: Any, named: str) -> None:
    answer = made(
        guarded_server,
        path=f"/v1/realtime/{path}",
        input_audio_format="g711_ulaw",
        input_audio_transcription={"model": "whisper-1", "prompt": "Chess."},
        turn_detection=None,
        modalities=["text"],
        client_secret={named: {"anchor": "created_at", "seconds": 7_200}},
    )
    parsed = shape.model_validate(answer)
    assert 7_190 < parsed.client_secret.expires_at - time() <= 7_200
    assert (answer["input_audio_format"], "turn_detection" in answer) == ("g711_ulaw", False)
    session = created(guarded_server, parsed.client_secret.value)
    assert session["type"] == ("realtime" if path == "sessions" else "transcription")
    assert session["input_audio_format"] == "g711_ulaw"
    assert session["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert session["audio"]["input"]["transcription"]["prompt"] == "Chess."


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"expires_after": {"seconds": 9}}, "expires_after.seconds", "invalid_value"),
        ({"expires_after": {"seconds": 7_201}}, "expires_after.seconds", "invalid_value"),
        ({"expires_after": {"anchor": "last_active_at"}}, "expires_after.anchor", "invalid_value"),
        ({"session": []}, "session", "invalid_type"),
        (
            {"session": {"audio": {"input": {"format": {"type": "mp3"}}}}},
            "session.audio.input.format.type",
            "invalid_value",
        ),
        (
            {"session": {"audio": {"input": {"transcription": {"prompt": "x" * 16_385}}}}},
            "session.audio.input.transcription.prompt",
            "context_too_long",
        ),
        ({"session": {"audio": {"input": {"transcription": {"prompt": "x" * 8_000}}}}}, "session", "invalid_value"),
    ],
)
def test_what_makes_no_secret(guarded_server: RunningServer, body: Any, param: str, code: str) -> None:
    answer = httpx.post(f"{guarded_server.url}{SECRETS}", json=body, headers=BEARER, timeout=60)
    assert_envelope(answer, 400, code, param)


@pytest.mark.parametrize(("body", "status", "code"), [(b"{", 400, "invalid_json"), (b"[]", 400, "invalid_json")])
@pytest.mark.parametrize("path", [SECRETS, "/v1/realtime/sessions"])
def test_what_is_no_request(guarded_server: RunningServer, path: str, body: bytes, status: int, code: str) -> None:
    assert_envelope(httpx.post(f"{guarded_server.url}{path}", content=body, headers=BEARER, timeout=60), status, code)


def test_a_body_is_as_long_as_settings_are(server: RunningServer) -> None:
    answer = httpx.post(f"{server.url}{SECRETS}", content=b" " * (1 << 18) + b"{}", timeout=60)
    assert_envelope(answer, 413, "content_too_large")


def test_the_longest_secret_fits_into_a_handshake(guarded_server: RunningServer) -> None:
    def secret(length: int) -> httpx.Response:
        session = {"audio": {"input": {"transcription": {"prompt": "x" * length}}}}
        return httpx.post(f"{guarded_server.url}{SECRETS}", json={"session": session}, headers=BEARER, timeout=60)

    longest = next(answer for answer in map(secret, range(5_600, 0, -50)) if answer.status_code == 200).json()
    assert MAX_CHARACTERS - 100 < len(longest["value"]) <= MAX_CHARACTERS
    session = created(guarded_server, longest["value"], f"{REALTIME}&model={'x' * 100}")
    assert len(session["audio"]["input"]["transcription"]["prompt"]) > 5_000


# -------------------------------------------------------------------------------------------------------- who signed


def test_any_replica_with_the_key_takes_it_and_none_without(
    guarded_server: RunningServer, replica: RunningServer
) -> None:
    assert created(replica, made(guarded_server, OTHER_KEY, session=SESSION)["value"])["include"] == [LOGPROBS]
    assert code_of(refusal(replica, made(guarded_server, KEY)["value"])) == (401, "invalid_api_key")


def test_what_is_forged_or_old_is_refused(guarded_server: RunningServer) -> None:
    digest = hashlib.sha256(KEY.encode()).digest()
    before = guarded_server.metric("asr_rejections_total", reason="credential_expired")
    old = Grant(Scope.REALTIME, int(time()) - 60).signed(digest)
    assert code_of(refusal(guarded_server, f"ek_{old}")) == (401, "credential_expired")
    assert guarded_server.metric("asr_rejections_total", reason="credential_expired") == before + 1
    secret = made(guarded_server)["value"]
    assert code_of(refusal(guarded_server, secret[:-4] + "AAAA")) == (401, "invalid_api_key")


# --------------------------------------------------------------------------------------------------- what it opens


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", SECRETS),
        ("POST", "/v1/realtime/sessions"),
        ("POST", "/v1/audio/transcriptions"),
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("GET", "/docs/nothing"),
    ],
)
def test_a_secret_opens_live_sessions_alone(guarded_server: RunningServer, method: str, path: str) -> None:
    secret = made(guarded_server)["value"]
    headers = {"authorization": f"Bearer {secret}"}
    answer = httpx.request(method, f"{guarded_server.url}{path}", headers=headers, timeout=60)
    assert_envelope(answer, 403, "insufficient_scope")


def test_secrets_and_tokens_open_their_own_protocol(guarded_server: RunningServer) -> None:
    secret, token = made(guarded_server)["value"], made(guarded_server, path=GRANT)["access_token"]
    assert code_of(refusal(guarded_server, secret, LISTEN)) == (403, "INSUFFICIENT_SCOPE")
    assert code_of(refusal(guarded_server, token)) == (403, "insufficient_scope")
    answer = httpx.post(f"{guarded_server.url}/v1/listen", headers={"authorization": f"Bearer {secret}"}, timeout=60)
    assert (answer.status_code, answer.json()["err_code"]) == (403, "INSUFFICIENT_SCOPE")


# --------------------------------------------------------------------------------------------------------- Deepgram


def test_a_temporary_token_opens_deepgrams_paths(guarded_server: RunningServer, wav: bytes) -> None:
    answer = httpx.post(f"{guarded_server.url}{GRANT}", headers={"authorization": f"Token {KEY}"}, timeout=60)
    granted = answer.json()
    assert granted.keys() == {"access_token", "expires_in"}
    assert granted["expires_in"] == 30
    token = granted["access_token"]
    places: list[dict[str, Any]] = [
        {"additional_headers": {"authorization": f"Bearer {token}"}},
        {"subprotocols": ["bearer", token]},
    ]
    for path, given in itertools.product((LISTEN, FLUX), places):
        with connect(address(guarded_server, path), proxy=None, open_timeout=60, **given) as connection:
            assert connection.subprotocol == ("bearer" if "subprotocols" in given else None)
    headers = {"authorization": f"Bearer {token}", "content-type": "audio/wav"}
    heard = httpx.post(f"{guarded_server.url}/v1/listen", content=wav, headers=headers, timeout=60).json()
    assert heard["results"]["channels"][0]["alternatives"][0]["transcript"] == TEXT
    again = httpx.post(f"{guarded_server.url}{GRANT}", headers=headers, timeout=60)
    assert (again.status_code, again.json()["err_code"]) == (403, "INSUFFICIENT_SCOPE")


@pytest.mark.parametrize(("asked", "told"), [(1, 1), (3_600, 3_600), (12.5, 12.5), (None, 30)])
def test_a_token_lasts_as_long_as_was_asked(guarded_server: RunningServer, asked: object, told: object) -> None:
    assert made(guarded_server, path=GRANT, ttl_seconds=asked)["expires_in"] == told


@pytest.mark.parametrize("asked", [0, -1, 3_601, "soon", [], 1e400])
def test_what_is_no_time_to_live(guarded_server: RunningServer, asked: object) -> None:
    content = json.dumps({"ttl_seconds": asked}).replace("Infinity", "1e400")
    answer = httpx.post(f"{guarded_server.url}{GRANT}", content=content, headers=BEARER, timeout=60)
    assert answer.status_code == 400
    assert set(answer.json()) == {"err_code", "err_msg", "request_id"}
    assert "ttl_seconds" in answer.json()["err_msg"] or answer.json()["err_code"] == "INVALID_JSON"


def test_no_key_no_token(guarded_server: RunningServer) -> None:
    answer = httpx.post(f"{guarded_server.url}{GRANT}", timeout=60)
    assert answer.status_code == 401
    assert set(answer.json()) == {"err_code", "err_msg", "request_id"}


# ------------------------------------------------------------------------------------------------------ without keys


def test_without_keys_a_secret_carries_its_settings_all_the_same(server: RunningServer) -> None:
    secret = httpx.post(f"{server.url}{SECRETS}", json={"session": SESSION}, timeout=60).json()["value"]
    assert created(server, secret)["include"] == [LOGPROBS]
    assert "include" not in created(server, None)
    assert code_of(refusal(server, secret[:-4] + "AAAA")) == (401, "invalid_api_key")
    assert_envelope(
        httpx.get(f"{server.url}/v1/models", headers={"authorization": f"Bearer {secret}"}, timeout=60),
        403,
        "insufficient_scope",
    )
    assert (
        httpx.get(f"{server.url}/v1/models", headers={"authorization": "Bearer anything"}, timeout=60).status_code
        == 200
    )


# ------------------------------------------------------------------------------------------------------ other places


def test_keys_in_other_places_where_they_may_be(guarded_server: RunningServer, replica: RunningServer) -> None:
    secret = made(replica, OTHER_KEY, session=SESSION)["value"]
    with log_lines(JsonFormatter()) as log:
        for headers, query in (({"x-api-key": OTHER_KEY}, ""), ({}, f"?token={OTHER_KEY}")):
            assert httpx.get(f"{replica.url}/v1/models{query}", headers=headers, timeout=60).status_code == 200
            answer = httpx.get(f"{guarded_server.url}/v1/models{query}", headers=headers, timeout=60)
            assert_envelope(answer, 401, "invalid_api_key")
        assert created(replica, None, f"{REALTIME}&token={secret}")["include"] == [LOGPROBS]
        assert created(replica, None, f"{REALTIME}&token={OTHER_KEY}")["type"] == "transcription"
        with connect(address(replica, f"{LISTEN}&token={OTHER_KEY}"), proxy=None, open_timeout=60):
            pass
        assert httpx.get(f"{replica.url}/v1/models?token=wrong", timeout=60).status_code == 401
        replica.wait_for(lambda: replica.service.active_requests == 0, "all sessions ended")
    ours = "".join(line for line in log.getvalue().splitlines() if json.loads(line)["logger"].startswith("server"))
    assert "/v1/realtime" in ours
    assert OTHER_KEY not in ours
    assert secret not in ours


# --------------------------------------------------------------------------------------------------------------- log


def test_the_log_names_the_key_behind_a_secret_and_not_the_secret(guarded_server: RunningServer) -> None:
    with log_lines(JsonFormatter()) as log:
        secret = made(guarded_server, session=SESSION)["value"]
        token = made(guarded_server, path=GRANT)["access_token"]
        created(guarded_server, secret)
        refusal(guarded_server, secret, LISTEN)
        guarded_server.wait_for(lambda: guarded_server.service.active_requests == 0, "the session ended")
    lines = [line for line in map(json.loads, log.getvalue().splitlines()) if line["logger"] == "server.access"]
    assert secret not in json.dumps(lines)
    assert token not in json.dumps(lines)
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    assert {line["key"] for line in lines} == {digest[:8]}
    assert [line.get("grant") for line in lines] == [None, None, "realtime", "realtime"]
