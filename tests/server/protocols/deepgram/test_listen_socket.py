"""The handshake of ``WS /v1/listen``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from server.http.routes.deepgram import chosen_subprotocol
from tests.support.scripted_server import RunningServer, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


def url(server: RunningServer, query: str) -> str:
    return f"{server.url.replace('http', 'ws')}/v1/listen?{query}"


@pytest.mark.parametrize(
    "query", ["encoding=linear16", "encoding=lpc10&sample_rate=8000", "endpointing=soon", "summarize=true"]
)
def test_a_query_that_cannot_be_honoured_is_refused_with_a_reason(server: RunningServer, query: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(url(server, query))
    response = caught.value.response
    assert response.status_code == 400
    error: dict[str, Any] = json.loads(response.body or b"")
    assert set(error) == {"err_code", "err_msg", "request_id"}
    assert error["err_code"] == "INVALID_QUERY_PARAMETER"
    assert response.headers["dg-error"] == error["err_msg"]
    assert response.headers["dg-request-id"] == error["request_id"]


def test_a_session_without_audio(server: RunningServer) -> None:
    offered = [Subprotocol("token"), Subprotocol("some-key")]
    with connect(url(server, "encoding=linear16&sample_rate=16000"), subprotocols=offered) as socket:
        assert socket.subprotocol == "token"
        assert socket.response is not None
        request_id = socket.response.headers["dg-request-id"]
        socket.send('{"type":"CloseStream"}')
        summary = json.loads(socket.recv(timeout=60))
        assert (summary["type"], summary["duration"], summary["request_id"]) == ("Metadata", 0.0, request_id)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [([], None), (["token", "key"], "token"), (["bearer", "key"], "bearer"), (["key"], None), (["chat"], None)],
)
def test_the_key_is_never_sent_back(offered: list[str], chosen: str | None) -> None:
    assert chosen_subprotocol(offered) == chosen
