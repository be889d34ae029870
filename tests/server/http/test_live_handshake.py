"""Who gets a live session: keys, places, a server that is ready; and how a refusal looks in each protocol."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import connect

from server.logs import JsonFormatter, configure_logging
from tests.server.http.conftest import KEY, OTHER_KEY
from tests.server.http.live_echo import PATH, SECOND, Script, address, router, session
from tests.server.http.test_observability import log_lines
from tests.support.logging_kept import logging_kept
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import load_when_it_exists


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def guarded(script: Script) -> Iterator[RunningServer]:
    """Keys, and a place for one session."""
    with running_server(
        transcribers=script.make, routers=[router], api_keys=(KEY, OTHER_KEY), max_live_sessions=1
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def free_places(guarded: RunningServer) -> None:
    guarded.wait_for(lambda: guarded.service.live.active == 0, "the place is free")


def refusal(server: RunningServer, path: str = PATH, **options: Any) -> Response:
    """The answer to a handshake that is not accepted."""
    with pytest.raises(InvalidStatus) as caught:
        connect(address(server, path), proxy=None, open_timeout=60, **options)
    return caught.value.response


def envelope(response: Response) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.body or b"")
    assert list(body) == ["error"]
    assert response.headers["x-request-id"]
    error: dict[str, Any] = body["error"]
    return error


# ---------------------------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "given",
    [
        {"additional_headers": {"authorization": f"Bearer {KEY}"}},
        {"additional_headers": {"authorization": f"Token {OTHER_KEY}"}},
        {"subprotocols": ["echo", f"openai-insecure-api-key.{KEY}"]},
        {"subprotocols": ["token", KEY, "echo"]},
        {"subprotocols": ["bearer", KEY, "echo"]},
    ],
)
def test_a_key_opens_wherever_clients_put_it(guarded: RunningServer, given: dict[str, Any]) -> None:
    with session(guarded, **given) as client:
        assert client.connection.subprotocol == ("echo" if "subprotocols" in given else None)
        assert client.connection.response is not None
        assert client.connection.response.headers["x-request-id"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"additional_headers": {"authorization": "Bearer wrong"}},
        {"additional_headers": {"authorization": f"Basic {KEY}"}},
        {"subprotocols": ["echo", "openai-insecure-api-key.wrong"]},
        {"subprotocols": ["echo", KEY]},
        {"subprotocols": [KEY, "token"]},
    ],
)
def test_no_key_no_session(guarded: RunningServer, given: dict[str, Any]) -> None:
    before = guarded.metric("asr_rejections_total", reason="invalid_api_key")
    response = refusal(guarded, **given)
    assert response.status_code == 401
    assert envelope(response)["code"] == "invalid_api_key"
    assert KEY.encode() not in response.serialize()
    assert guarded.metric("asr_rejections_total", reason="invalid_api_key") == before + 1


def test_deepgram_hears_of_a_wrong_key_in_its_own_shape(guarded: RunningServer) -> None:
    response = refusal(guarded, "/v1/listen?encoding=linear16&sample_rate=16000", subprotocols=["token", "wrong"])
    assert response.status_code == 401
    body = json.loads(response.body or b"")
    assert set(body) == {"err_code", "err_msg", "request_id"}
    assert response.headers["dg-error"]
    assert response.headers["dg-request-id"] == body["request_id"]


def test_one_record_per_session_and_no_key_in_it(guarded: RunningServer) -> None:
    with log_lines(JsonFormatter()) as log:
        with session(guarded, subprotocols=["echo", f"openai-insecure-api-key.{KEY}"]) as client:
            client.connection.send(SECOND)
            assert client.hears()["type"] == "heard"
            client.do("finish")
            client.hears_until("finished")
        guarded.wait_for(lambda: guarded.service.active_requests == 0, "the session ended")
    lines = [line for line in map(json.loads, log.getvalue().splitlines()) if line["logger"].startswith("server")]
    assert KEY not in json.dumps(lines)
    record = next(line for line in lines if line.get("route") == PATH)
    assert (record["method"], record["status"], record["end"], record["audio_s"]) == ("GET", 101, "closed", 1.0)


def test_the_server_below_logs_no_handshake() -> None:
    """uvicorn and websockets would write keys at debug level; `configure_logging` keeps them from it."""
    with logging_kept():
        configure_logging("debug", "json")
        assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.INFO)


# -------------------------------------------------------------------------------------------------------------- places


def test_more_sessions_than_places(guarded: RunningServer) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    before = guarded.metric("asr_rejections_total", reason="too_many_sessions")
    with session(guarded, additional_headers=headers):
        response = refusal(guarded, additional_headers=headers)
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        error = envelope(response)
        assert (error["code"], error["type"]) == ("too_many_sessions", "rate_limit_error")
    assert guarded.metric("asr_rejections_total", reason="too_many_sessions") == before + 1
    guarded.wait_for(lambda: guarded.service.live.active == 0, "the place is given back")
    with session(guarded, additional_headers=headers):
        pass


def test_a_page_can_ask_why_it_was_refused(guarded: RunningServer) -> None:
    """Browsers do not say what a handshake was answered."""
    headers = {"authorization": f"Bearer {KEY}"}
    ask = partial(httpx.get, f"{guarded.url}/v1/realtime")
    assert ask().json()["error"]["code"] == "invalid_api_key"
    with session(guarded, additional_headers=headers):
        answer = ask(headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_sessions")
        assert int(answer.headers["retry-after"]) >= 1
    guarded.wait_for(lambda: guarded.service.live.active == 0, "the place is given back")
    answer = ask(headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (426, "upgrade_required")
    assert answer.headers["upgrade"] == "websocket"
    assert guarded.service.live.active == 0


def test_no_session_before_the_model_is_loaded(script: Script, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    with running_server(
        partial(load_when_it_exists, loaded), ready=False, transcribers=script.make, routers=[router]
    ) as server:
        response = refusal(server)
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert envelope(response)["code"] == "model_not_ready"
        loaded.touch()
        server.wait_for(lambda: httpx.get(f"{server.url}/ready").status_code == 200, "the model is loaded")
        with session(server):
            pass


def test_no_session_on_a_server_that_stops(script: Script) -> None:
    with (
        running_server(transcribers=script.make, routers=[router], drain_seconds=4.0) as server,
        session(server) as running,
    ):
        script.words_gate.clear()
        running.do("flush")
        assert running.hears() == {"type": "flushing"}
        server.stop()
        server.wait_for(lambda: server.service.refusing, "it drains")
        response = refusal(server)
        assert response.status_code == 503
        assert envelope(response)["code"] == "shutting_down"
        script.words_gate.set()
        running.hears_until("ended")


def test_a_refusal_is_no_error_of_the_server(guarded: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    with session(guarded, additional_headers=headers):
        assert refusal(guarded).status_code == 401
        assert refusal(guarded, additional_headers=headers).status_code == 429
        assert refusal(guarded, "/v1/listen?encoding=x", additional_headers=headers).status_code == 400
        assert refusal(guarded, "/nowhere", additional_headers=headers).status_code == 404
    guarded.wait_for(lambda: guarded.connections == 0, "all connections are closed")
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# ------------------------------------------------------------------------------------------------------------- origins


@pytest.fixture(scope="module")
def for_pages(script: Script) -> Iterator[RunningServer]:
    """Pages of one origin may call."""
    with running_server(transcribers=script.make, routers=[router], cors_origins=("https://app.example",)) as running:
        yield running


@pytest.mark.parametrize("origin", ["https://app.example", None, "of the server"])
def test_pages_that_may_call(for_pages: RunningServer, origin: str | None) -> None:
    with session(for_pages, origin=for_pages.url if origin == "of the server" else origin):
        pass


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil.example", "null"])
@pytest.mark.parametrize("path", [PATH, "/v1/realtime", "/v1/listen?encoding=linear16&sample_rate=8000"])
def test_pages_that_may_not(for_pages: RunningServer, path: str, origin: str) -> None:
    response = refusal(for_pages, path, origin=origin)
    assert response.status_code == 403
    assert b"origin" in (response.body or b"").lower()


def test_without_origins_all_pages_may_call_that_have_a_key(guarded: RunningServer) -> None:
    with session(guarded, origin="https://any.example", additional_headers={"authorization": f"Bearer {KEY}"}):
        pass


@pytest.mark.parametrize("path", ["/nowhere", "/v1/models"])
def test_there_are_other_paths(guarded: RunningServer, path: str) -> None:
    response = refusal(guarded, path, additional_headers={"authorization": f"Bearer {KEY}"})
    assert response.status_code == 404
    assert envelope(response)["code"] == "not_found"
