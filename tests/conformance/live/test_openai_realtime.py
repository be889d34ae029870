"""Clients of OpenAI's Realtime API in transcription mode: OpenAI's own and the agent frameworks'."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from openai import OpenAI

from tests.conformance.conftest import KEY, Told
from tests.conformance.live.conftest import Client, Spoken, heavy, turns_of
from tests.support.processes import ServerProcess
from tests.support.samples import SHORT

Events = list[dict[str, Any]]
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def events(told: Told) -> Events:
    return [entry["event"] for entry in told if entry["kind"] == "event"]


def of_type(events: Events, kind: str) -> Events:
    return [event for event in events if event["type"] == kind]


def texts(told: Told, kind: str) -> list[str]:
    return [entry["text"] for entry in told if entry["kind"] == kind]


def check_transcript(events: Events, spoken: Spoken) -> None:
    """Every committed item is completed, in order; its text is its deltas and its segments; all is what was said."""
    assert [event["type"] for event in events[:2]] == ["session.created", "session.updated"]
    committed = of_type(events, "input_audio_buffer.committed")
    completed = of_type(events, f"{TRANSCRIPTION}.completed")
    ids = [event["item_id"] for event in committed]
    assert [event["item_id"] for event in completed] == ids
    assert [event["previous_item_id"] for event in committed] == [None, *ids[:-1]]
    deltas: dict[str, str] = defaultdict(str)
    segments: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event["type"] == f"{TRANSCRIPTION}.delta":
            deltas[event["item_id"]] += event["delta"]
        elif event["type"] == f"{TRANSCRIPTION}.segment":
            segments[event["item_id"]].append(event["text"])
        elif event["type"] == f"{TRANSCRIPTION}.completed":
            assert event["transcript"] == deltas.pop(event["item_id"], "")
            assert event["transcript"] == " ".join(segments.pop(event["item_id"], []))
    assert not deltas
    assert not segments
    spoken.check_text(event["transcript"] for event in completed)
    speakers = turns_of(event["speaker"] for event in of_type(events, f"{TRANSCRIPTION}.segment"))
    assert speakers == spoken.speakers


@pytest.mark.client("openai (Python), Realtime")
@pytest.mark.parametrize("mode", ["commit", "server_vad"])
def test_openai_python(client: Client, spoken: Spoken, mode: str) -> None:
    received = events(client("openai_realtime", mode, rate=24_000))
    assert not of_type(received, "error")
    check_transcript(received, spoken)
    started = of_type(received, "input_audio_buffer.speech_started")
    stopped = of_type(received, "input_audio_buffer.speech_stopped")
    assert [event["item_id"] for event in started] == [event["item_id"] for event in stopped]
    for start, stop in zip(started, stopped, strict=True):
        assert start["audio_start_ms"] < stop["audio_end_ms"]
    if mode == "server_vad":
        assert len(started) > 1
    else:
        assert not started
        kinds = [event["type"] for event in received]
        assert kinds.count("input_audio_buffer.committed") == 1
        early = kinds.index(f"{TRANSCRIPTION}.delta") < kinds.index("input_audio_buffer.committed")
        assert early, "no text came while somebody spoke"


@pytest.mark.client("openai (browser), Realtime")
def test_openai_node_in_a_browser(client: Client, spoken: Spoken) -> None:
    """The key travels as a subprotocol; the server picks the other one."""
    told = client("openai_node", rate=24_000)
    assert {"kind": "subprotocol", "name": "realtime"} in told
    assert "error" not in {entry["kind"] for entry in told}
    check_transcript(events(told), spoken)


@pytest.mark.parametrize("spoken", [SHORT], indirect=True)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("openai_realtime", marks=pytest.mark.client("openai (Python), Realtime")),
        pytest.param("openai_node", marks=pytest.mark.client("openai (browser), Realtime")),
    ],
)
def test_a_client_secret_is_as_good_as_the_key(
    server: ServerProcess, client: Client, spoken: Spoken, name: str
) -> None:
    with OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as openai:
        secret = openai.realtime.client_secrets.create(session={"type": "transcription"})
    check_transcript(events(client(name, "commit", rate=24_000, key=secret.value)), spoken)


@pytest.mark.client("OpenAI Agents SDK")
@heavy
def test_openai_agents(client: Client, spoken: Spoken) -> None:
    told = client("openai_agents", rate=24_000)
    spoken.check_text(texts(told, "final"))
    assert told[-1] == {"kind": "ended"}


@pytest.mark.client("LiveKit Agents (Python), OpenAI")
@heavy
def test_livekit(client: Client, spoken: Spoken) -> None:
    told = client("livekit_openai", rate=48_000)
    spoken.check_text(texts(told, "final_transcript"))
    assert told[0] == {"kind": "start_of_speech"}
    assert told[-1] == {"kind": "ended"}
    kinds = [entry["kind"] for entry in told]
    assert kinds.count("start_of_speech") == kinds.count("end_of_speech") == kinds.count("recognition_usage")
    assert all(entry["seconds"] > 0 for entry in told if entry["kind"] == "recognition_usage")
    interim = ""
    for entry in told:
        if entry["kind"] == "interim_transcript":
            assert entry["text"].startswith(interim)
            interim = entry["text"]
        elif entry["kind"] == "final_transcript":
            assert entry["text"].startswith(interim)
            interim = ""


@pytest.mark.client("LiveKit Agents (Python), OpenAI")
@heavy
def test_livekit_with_a_detector_of_its_own(client: Client, spoken: Spoken) -> None:
    """As it has it for this name, which stands for a model that finds no turns: it commits, and nobody else does."""
    told = client("livekit_openai", "gpt-live-transcribe", rate=48_000)
    spoken.check_text(texts(told, "final_transcript"))
    kinds = [entry["kind"] for entry in told]
    assert kinds.count("start_of_speech") == kinds.count("end_of_speech") == kinds.count("recognition_usage") > 1


@pytest.mark.client("Pipecat, OpenAI")
@heavy
@pytest.mark.parametrize("mode", ["server_vad", "commit"])
def test_pipecat(client: Client, spoken: Spoken, mode: str) -> None:
    told = client("pipecat_openai", mode, rate=16_000)
    kinds = [entry["kind"] for entry in told]
    assert "error" not in kinds
    assert kinds.count("started") == kinds.count("stopped") == kinds.count("final") > 1
    spoken.check_text(texts(told, "final"))
    assert "".join(texts(told, "interim")) == "".join(texts(told, "final"))
    assert kinds[-1] == "ended"


@pytest.mark.parametrize("spoken", [SHORT], indirect=True)
def test_wrong_key(client: Client) -> None:
    """Refused before the connection is open, which is what clients do not try again."""
    assert client("openai_realtime", rate=24_000, key="wrong") == [{"kind": "refused", "status": 401}]
