"""A request's model says with which adapter it is heard, over every protocol."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.http.conftest import tone
from tests.support.adapted_runner import AdaptedRunner, said_with
from tests.support.processes import wait_until
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

RECORDING = tone(1.0)
ADAPTERS = "clinic=/adapters/clinic, court=/adapters/court"
COMPLETED = "conversation.item.input_audio_transcription.completed"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(AdaptedRunner, adapters=ADAPTERS, jobs_folder=tmp_path_factory.mktemp("jobs")) as running:
        yield running


def heard(server: RunningServer, model: str, **query: str) -> httpx.Response:
    url = f"{server.url}/v1/audio/transcriptions"
    return httpx.post(url, files={"file": RECORDING}, data={"model": model}, params=query, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("model", "adapter"),
    [("clinic", "clinic"), ("court", "court"), ("vibevoice-asr", None), ("whisper-1", None), ("tiny", None)],
)
def test_a_recording_is_heard_with_the_adapter_of_its_model(
    server: RunningServer, model: str, adapter: str | None
) -> None:
    assert heard(server, model).json()["text"] == said_with(adapter)


def test_so_it_is_by_a_worker_that_comes_back(server: RunningServer) -> None:
    engine = server.service.engine
    worker, restarts = engine.worker_pid, engine.restarts
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: engine.restarts > restarts and server.service.ready, "a worker is back", PATIENCE)
    assert heard(server, "court").json()["text"] == said_with("court")


def test_a_job_is(server: RunningServer) -> None:
    job = heard(server, "clinic", background="true").json()["id"]
    server.wait_for(lambda: httpx.get(f"{server.url}/v1/jobs/{job}").json()["status"] == "completed", "it is done")
    assert httpx.get(f"{server.url}/v1/jobs/{job}/result").json()["text"] == said_with("clinic")


def asked(server: RunningServer, model: str) -> dict[str, Any]:
    """A conversation about the recording."""
    audio = {"input_audio": {"data": base64.b64encode(RECORDING).decode(), "format": "wav"}, "type": "input_audio"}
    body = {"model": model, "messages": [{"role": "user", "content": [audio]}]}
    answer: dict[str, Any] = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=PATIENCE).json()
    return answer


def test_a_conversation_is(server: RunningServer) -> None:
    answer = asked(server, "court")
    assert answer["model"] == "court"
    assert said_with("court") in answer["choices"][0]["message"]["content"]


def test_what_was_heard_with_one_is_nothing_to_another() -> None:
    """Keys and values are those of the weights that made them; each conversation finds its own."""
    known = []
    with running_server(AdaptedRunner, adapters=ADAPTERS) as fresh:
        for model in ("court", "clinic", "vibevoice-asr", "court", "vibevoice-asr", "clinic"):
            answer = asked(fresh, model)
            adapter = model if model in ADAPTERS else None
            assert said_with(adapter) in answer["choices"][0]["message"]["content"]
            known.append(answer["usage"]["prompt_tokens_details"]["cached_tokens"])
            prompt = answer["usage"]["prompt_tokens"]
    assert known == [0, 0, 0, prompt - 1, prompt - 1, prompt - 1]


@pytest.mark.parametrize("by", ["query", "update"])
def test_a_realtime_session_is(server: RunningServer, by: str) -> None:
    query = "model=clinic" if by == "query" else "intent=transcription"
    with connect(f"{server.url.replace('http', 'ws')}/v1/realtime?{query}") as socket:

        def send(kind: str, **fields: object) -> None:
            socket.send(json.dumps({"type": kind} | fields))

        sound: dict[str, Any] = {"turn_detection": None, "format": {"type": "audio/pcm", "rate": 24_000}}
        model = {} if by == "query" else {"transcription": {"model": "clinic"}}
        send("session.update", session={"type": "transcription", "audio": {"input": sound | model}})
        send("input_audio_buffer.append", audio=base64.b64encode(RECORDING[44:]).decode())
        send("input_audio_buffer.commit")
        while (event := json.loads(socket.recv(timeout=PATIENCE)))["type"] != COMPLETED:
            assert event["type"] != "error", event
    assert event["transcript"] == said_with("clinic")


@pytest.mark.parametrize(("model", "adapter"), [("court", "court"), ("nova-3", None)])
def test_deepgrams_model_is_one_by_its_name(server: RunningServer, model: str, adapter: str | None) -> None:
    expected, query = said_with(adapter).lower().rstrip("."), {"model": model}
    answer = httpx.post(f"{server.url}/v1/listen", params=query, content=RECORDING, timeout=PATIENCE).json()
    assert _words(answer["results"]["channels"][0]) == expected
    address = f"{server.url.replace('http', 'ws')}/v1/listen?model={model}&encoding=linear16&sample_rate=24000"
    with connect(address) as live:
        live.send(RECORDING[44:])
        live.send('{"type":"CloseStream"}')
        finals = [said["channel"] for said in map(json.loads, live) if said.get("is_final")]
    assert " ".join(map(_words, finals)).strip() == expected


def _words(channel: dict[str, Any]) -> str:
    said: str = channel["alternatives"][0]["transcript"]
    return said.lower().rstrip(".")


def test_they_are_listed_and_no_other_name_is_taken_for_one(server: RunningServer) -> None:
    listed = httpx.get(f"{server.url}/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["vibevoice-asr", "clinic", "court"]
    assert httpx.get(f"{server.url}/v1/models/court").json()["id"] == "court"
    refused = heard(server, "clinics")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    assert "clinic and court" in refused.json()["error"]["message"]
