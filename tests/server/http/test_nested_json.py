"""JSON in JSON in JSON, as deep as a body is long, is a client's mistake wherever JSON is read."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.http.conftest import assert_envelope
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT

DEPTH = 100_000
DEEP = {"list": "[" * DEPTH + "]" * DEPTH, "object": '{"a":' * DEPTH + "1" + "}" * DEPTH, "open": "[" * DEPTH}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("value", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("param", ["input_audio", "prompt", "unknown"])
def test_bodies(server: RunningServer, value: str, param: str) -> None:
    body = f'{{"file": "QUJD", "{param}": {value}}}'
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", content=body, headers=JSON, timeout=60)
    assert_envelope(answer, 400, "invalid_json")


@pytest.mark.parametrize("value", [DEEP["object"], "{" * 200 + "}" * 200], ids=["deep", "none"])
def test_a_field_that_is_an_object(server: RunningServer, wav: bytes, value: str) -> None:
    fields, files = {"chunking_strategy": value}, {"file": wav}
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", data=fields, files=files, timeout=60)
    assert_envelope(answer, 400, "invalid_value", "chunking_strategy")


@pytest.mark.parametrize("value", DEEP.values(), ids=DEEP)
def test_a_field_that_is_a_list(server: RunningServer, wav: bytes, value: str) -> None:
    """What is no list is a text, of which none may be so long."""
    fields, files = {"keywords[]": value}, {"file": wav}
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", data=fields, files=files, timeout=60)
    assert_envelope(answer, 400, "context_too_long", "keywords")


def test_settings(server: RunningServer) -> None:
    body = '{"session": ' + DEEP["list"] + "}"
    answer = httpx.post(f"{server.url}/v1/realtime/client_secrets", content=body, headers=JSON, timeout=60)
    assert_envelope(answer, 400, "invalid_json")


@pytest.mark.parametrize("value", DEEP.values(), ids=DEEP)
def test_events_of_a_session(server: RunningServer, value: str) -> None:
    """The session goes on."""
    with connect(f"ws{server.url.removeprefix('http')}/v1/realtime") as session:
        session.send(f'{{"type": "session.update", "session": {value}}}')
        session.send(json.dumps({"type": "input_audio_buffer.clear"}))
        seen = [json.loads(session.recv(60)) for _ in range(3)]
    assert [event["type"] for event in seen] == ["session.created", "error", "input_audio_buffer.cleared"]
    assert seen[1]["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("path", ["/v1/listen", "/v2/listen"])
def test_messages_of_deepgrams_sessions(server: RunningServer, path: str) -> None:
    with connect(f"ws{server.url.removeprefix('http')}{path}?encoding=linear16&sample_rate=24000") as session:
        session.send('{"type": "Configure", "keyterms": ' + DEEP["object"] + "}")
        seen = next(event for _ in range(2) if (event := json.loads(session.recv(60)))["type"] != "Connected")
    assert seen["type"] == "Error"
    assert "JSON" in seen["description"]


def test_all_is_well_behind_it(server: RunningServer, wav: bytes) -> None:
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", files={"file": wav}, timeout=60)
    assert answer.json()["text"] == TEXT
