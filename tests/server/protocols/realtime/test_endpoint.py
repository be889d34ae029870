"""The handshake of /v1/realtime: names of models, and the subprotocols that browsers carry keys in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from server.context import ANY_ROOM
from server.http.auth.callers import Caller
from server.http.routes import realtime
from server.live.vocabulary import actions
from server.live.vocabulary.protocol import LiveProtocol


async def only_the_opening(
    websocket: WebSocket, service: object, protocol: LiveProtocol[Any], *, subprotocol: str | None, resumable: object
) -> None:
    """Stands in for the socket around a session: sends what the protocol opens with, and closes."""
    await websocket.accept(subprotocol)
    for action in protocol.opened():
        if isinstance(action, actions.Send):
            await websocket.send_json(action.event)
    await websocket.close()


def let_through(app: ASGIApp) -> ASGIApp:
    """Stands in for the middleware that knows the callers."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["caller"] = Caller(b"")
        await app(scope, receive, send)

    return noted


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(realtime, "run_session", only_the_opening)
    app = FastAPI(middleware=[Middleware(let_through)])
    app.include_router(realtime.router)
    app.state.service = SimpleNamespace(
        settings=SimpleNamespace(served_model_name="vibevoice-asr", named_adapters=()), live_context=ANY_ROOM
    )
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "model"),
    [
        ("", "vibevoice-asr"),
        ("?intent=transcription", "vibevoice-asr"),
        ("?model=", "vibevoice-asr"),
        ("?intent=transcription&model=gpt-4o-transcribe&x=1", "gpt-4o-transcribe"),
    ],
)
def test_the_model_is_optional(client: TestClient, query: str, model: str) -> None:
    with client.websocket_connect(f"/v1/realtime{query}") as websocket:
        created: dict[str, Any] = websocket.receive_json()
    assert created["session"]["audio"]["input"]["transcription"] == {"model": model}


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        ([], None),
        (["realtime", "openai-insecure-api-key.sk-secret"], "realtime"),
        (["openai-insecure-api-key.sk-secret", "realtime"], "realtime"),
        (["openai-insecure-api-key.sk-secret", "openai-beta.realtime-v1"], None),
    ],
)
def test_the_subprotocol_never_carries_the_key(
    client: TestClient, offered: Sequence[str], accepted: str | None
) -> None:
    with client.websocket_connect("/v1/realtime", subprotocols=list(offered)) as websocket:
        assert websocket.accepted_subprotocol == accepted


def test_sessions_have_names_of_their_own(client: TestClient) -> None:
    names = set()
    for _ in range(2):
        with client.websocket_connect("/v1/realtime") as websocket:
            names.add(websocket.receive_json()["session"]["id"])
    assert len(names) == 2
    assert all(name.startswith("sess_") for name in names)


@pytest.mark.parametrize(
    ("asked", "flat"),
    [
        ({}, False),
        ({"headers": {"openai-beta": "realtime=v1"}}, True),
        ({"subprotocols": ["realtime", "openai-beta.realtime-v1"]}, True),
        ({"headers": {"openai-beta": "assistants=v2"}}, False),
    ],
)
def test_who_asks_for_the_beta_gets_its_fields_too(client: TestClient, asked: dict[str, Any], flat: bool) -> None:
    with client.websocket_connect("/v1/realtime", **asked) as websocket:
        assert ("input_audio_format" in websocket.receive_json()["session"]) == flat
