"""``WS /v2/listen``: its handshake, and a conversation with the bundled checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import soundfile  # type: ignore[import-untyped]
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from model.tiny.recipe.scoring import edits, words_of
from tests.server.protocols.flux.conversation import Message
from tests.server.protocols.flux.test_session_properties import check_turns
from tests.support.processes import ServerProcess
from tests.support.samples import SHORT, TWO_SPEAKERS, truth

KEY = "a-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess("--api-keys", KEY, log=tmp_path_factory.mktemp("server") / "log") as process:
        process.wait_ready()
        yield process


def url(server: ServerProcess, query: str) -> str:
    return f"{server.url.replace('http', 'ws')}/v2/listen?{query}"


def refusal(server: ServerProcess, query: str, key: str = KEY) -> tuple[int, Message]:
    """Status and body, which clients that show neither have in a header too."""
    with pytest.raises(InvalidStatus) as caught:
        connect(url(server, query), additional_headers={"authorization": f"Token {key}"})
    response = caught.value.response
    error: dict[str, Any] = json.loads(response.body or b"")
    assert set(error) == {"err_code", "err_msg", "request_id"}
    assert response.headers["dg-error"] == error["err_msg"]
    assert response.headers["dg-request-id"] == error["request_id"]
    return response.status_code, error


@pytest.mark.parametrize(
    "query", ["encoding=linear16", "encoding=mp3&sample_rate=48000", "eot_threshold=2", "redact=numbers"]
)
def test_a_query_that_cannot_be_honoured_is_refused_with_a_reason(server: ServerProcess, query: str) -> None:
    status, error = refusal(server, query)
    assert (status, error["err_code"]) == (400, "INVALID_QUERY_PARAMETER")


def test_a_wrong_key(server: ServerProcess) -> None:
    status, error = refusal(server, "model=flux-general-en", "wrong")
    assert (status, error["err_code"]) == (401, "INVALID_AUTH")


def listen(server: ServerProcess, recording: Path, query: str = "", *, container: bool = False) -> list[Message]:
    """All messages of a session that is sent the recording at once: turns are by the time of the audio."""
    samples, rate = soundfile.read(recording, dtype="int16")
    sound = recording.read_bytes() if container else samples.tobytes()
    kind = "" if container else f"encoding=linear16&sample_rate={rate}"
    with connect(
        url(server, f"model=flux-general-multi&{kind}{query}"), subprotocols=[Subprotocol("token"), Subprotocol(KEY)]
    ) as socket:
        assert socket.subprotocol == "token"
        assert socket.response is not None
        request_id = socket.response.headers["dg-request-id"]
        first = json.loads(socket.recv(timeout=60))
        assert first == {"type": "Connected", "request_id": str(UUID(request_id)), "sequence_id": 0}
        for start in range(0, len(sound), 4_800):
            socket.send(sound[start : start + 4_800])
        socket.send('{"type":"CloseStream"}')
        messages = [json.loads(message) for message in socket]
        assert socket.close_code == 1000
    assert [message["sequence_id"] for message in messages] == list(range(1, len(messages) + 1))
    assert {message["type"] for message in messages} == {"TurnInfo"}
    check_turns(messages)
    return messages


def ends(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message["event"] == "EndOfTurn"]


def said(recording: Path) -> list[str]:
    return [turn["Content"] for turn in truth(recording) if "Speaker" in turn]


@pytest.mark.parametrize("container", [False, True])
def test_every_sentence_is_a_turn(server: ServerProcess, container: bool) -> None:
    """Between the two are 1.4 seconds of silence."""
    messages = listen(server, SHORT, container=container)
    assert [end["transcript"] for end in ends(messages)] == said(SHORT)
    assert [end["turn_index"] for end in ends(messages)] == [0, 1]
    first, last = ends(messages)
    assert (first["trigger"], first["end_of_turn_confidence"]) == ("model", pytest.approx(0.7, abs=0.03))
    assert first["audio_window_end"] == last["audio_window_start"] > 2.8
    for end, turn in zip((first, last), truth(SHORT), strict=True):
        assert end["words"][0]["start"] == pytest.approx(turn["Start"], abs=0.3)
        assert end["words"][-1]["end"] == pytest.approx(turn["End"], abs=0.3)
    assert {"StartOfTurn", "Update", "EndOfTurn"} == {message["event"] for message in messages}


@pytest.mark.parametrize(
    ("query", "turns"), [("&eot_threshold=0.5&eager_eot_threshold=0.3", 5), ("&eot_threshold=0.9", 4)]
)
def test_lower_thresholds_make_more_turns_of_the_same_words(server: ServerProcess, query: str, turns: int) -> None:
    """The silences between the five turns of this conversation are 0.9, 1.2, 1.1 and 1.2 seconds long."""
    messages = listen(server, TWO_SPEAKERS, query)
    assert len(ends(messages)) == turns
    reference = words_of(" ".join(said(TWO_SPEAKERS)))
    heard = words_of(" ".join(end["transcript"] for end in ends(messages)))
    assert edits(reference, heard) <= 0.3 * len(reference), " ".join(heard)
