"""A context that is too long is said to be, on every route and whatever else is too long, and how long it may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.context import MAX_CONTEXT_CHARACTERS
from tests.server.http.conftest import assert_envelope, tone
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner

ROOM_ALONE = 2048 - 96 - 256
ROOM_BESIDE_MINUTE = ROOM_ALONE - 450 - 360
ROOM_LIVE = ROOM_ALONE - 233 - 186
LONG = "very long " * 900
"""Fits the characters, and not the positions of the server below."""
LONGEST = "x" * (MAX_CONTEXT_CHARACTERS + 1)
SOUND = "encoding=linear16&sample_rate=16000"


@pytest.fixture(scope="module")
def small() -> Iterator[RunningServer]:
    """Room for 2,048 positions."""
    with running_server(partial(SpeakingRunner, pages=256), max_audio_seconds=200.0) as running:
        yield running


@pytest.fixture(scope="module")
def post(small: RunningServer) -> Callable[..., httpx.Response]:
    def send(file: bytes, path: str = "/v1/audio/transcriptions", **fields: object) -> httpx.Response:
        return httpx.post(f"{small.url}{path}", files={"file": ("a.wav", file)}, data=fields, timeout=PATIENCE)

    return send


@pytest.mark.parametrize("context", [LONG, LONGEST])
@pytest.mark.parametrize(
    "file", [tone(0.4), tone(201, rate=8_000), b"no sound at all " * 99], ids=["short", "too long", "no sound"]
)
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/diarization"])
def test_the_context_is_told_first(post: Callable[..., httpx.Response], path: str, file: bytes, context: str) -> None:
    message = str(assert_envelope(post(file, path, prompt=context), 400, "context_too_long", "prompt")["message"])
    assert f"may have {MAX_CONTEXT_CHARACTERS if context is LONGEST else ROOM_ALONE} " in message


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("prompt", {"prompt": "x" * (5 << 20)}),
        ("keywords", {"keywords[]": [f"term {number}" for number in range(1_500)]}),
        ("hotwords", {"hotwords": "," * (5 << 20)}),
    ],
)
def test_what_no_form_holds_is_too_long_too(post: Callable[..., httpx.Response], param: str, fields: Any) -> None:
    """The form is read no further where a field, or one more of them, is longer than any may be."""
    assert_envelope(post(tone(0.4), **fields), 400, "context_too_long", param)
    assert_envelope(post(tone(0.4), title="x" * (5 << 20)), 400, "invalid_form")


def test_what_audio_and_context_do_not_fit_together_is_told_in_seconds(post: Callable[..., httpx.Response]) -> None:
    minute = tone(60, rate=8_000)
    assert post(minute).status_code == 200
    fits = "." + " ." * 300
    assert post(minute, prompt=fits).status_code == 200
    in_windows = post(minute, prompt="." + " ." * (ROOM_BESIDE_MINUTE // 2))
    assert "The recording was heard in 2 windows." in in_windows.json()["notes"]
    too_long = "." + " ." * (ROOM_BESIDE_MINUTE // 2 + 250)
    message = str(assert_envelope(post(minute, prompt=too_long), 400, "context_too_long", "prompt")["message"])
    assert "s of audio at once, and 30 s are needed" in message
    assert post(tone(0.4), prompt=too_long).status_code == 200


def test_where_the_audio_alone_is_too_long_for_one_pass_the_context_is_not_to_blame(
    post: Callable[..., httpx.Response],
) -> None:
    answer = post(tone(199, rate=8_000), prompt="Bern")
    assert answer.status_code == 200
    assert "The recording was heard in 2 windows." in answer.json()["notes"]


@pytest.mark.parametrize("terms", [LONG, LONGEST])
def test_key_terms_of_a_file(small: RunningServer, terms: str) -> None:
    answer = httpx.post(f"{small.url}/v1/listen?{urlencode({'keyterm': terms})}", content=b"no sound", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["err_code"]) == (400, "CONTEXT_TOO_LONG")
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("terms", [LONG, LONGEST])
@pytest.mark.parametrize("path", [f"/v1/listen?{SOUND}", f"/v2/listen?{SOUND}&model=flux-general-en"])
def test_key_terms_of_a_session(small: RunningServer, path: str, terms: str) -> None:
    url = f"{small.url.replace('http', 'ws')}{path}&{urlencode({'keyterm': terms})}"
    with pytest.raises(InvalidStatus) as caught, connect(url):
        raise AssertionError("it was accepted")
    response = caught.value.response
    assert (response.status_code, json.loads(response.body)["err_code"]) == (400, "CONTEXT_TOO_LONG")


@pytest.mark.parametrize("path", [f"/v1/listen?{SOUND}", f"/v2/listen?{SOUND}&model=flux-general-en"])
def test_key_terms_that_come_later_change_nothing(small: RunningServer, path: str) -> None:
    with connect(f"{small.url.replace('http', 'ws')}{path}") as socket:
        socket.send(json.dumps({"type": "Configure", "keyterms": [LONG]}))
        answer = json.loads(socket.recv(PATIENCE))
        if answer["type"] == "Connected":
            answer = json.loads(socket.recv(PATIENCE))
        assert answer["type"] == "ConfigureFailure"
        assert f"may have {ROOM_LIVE} tokens beside 30 s of audio" in answer["description"]
        socket.send(json.dumps({"type": "Configure", "keyterms": ["Bern"]}))
        assert json.loads(socket.recv(PATIENCE))["type"] == "ConfigureSuccess"


def updates() -> Iterator[dict[str, Any]]:
    for prompt in (LONG, LONGEST, "x" * 300_000):
        transcription = {"model": "whisper-1", "prompt": prompt}
        yield {
            "type": "session.update",
            "session": {"type": "transcription", "audio": {"input": {"transcription": transcription}}},
        }
        yield {"type": "transcription_session.update", "session": {"input_audio_transcription": transcription}}
    keywords = {"keywords": [f"term {number}" for number in range(50_000)]}
    yield {
        "type": "session.update",
        "session": {"type": "transcription", "audio": {"input": {"transcription": keywords}}},
    }


def test_a_prompt_of_a_realtime_session(small: RunningServer) -> None:
    with connect(f"{small.url.replace('http', 'ws')}/v1/realtime", max_size=None) as socket:
        assert json.loads(socket.recv(PATIENCE))["type"] == "session.created"
        for update in updates():
            socket.send(json.dumps(update))
            event = json.loads(socket.recv(PATIENCE))
            assert (event["type"], event["error"]["code"]) == ("error", "context_too_long")
        socket.send(
            json.dumps({"type": "session.update", "session": {"type": "transcription", "instructions": "x" * 300_000}})
        )
        assert json.loads(socket.recv(PATIENCE))["error"]["code"] == "invalid_value"
        socket.send(json.dumps({"type": "session.update", "session": {"type": "transcription"}}))
        updated = json.loads(socket.recv(PATIENCE))
        assert updated["type"] == "session.updated", "the session goes on, and nothing has changed"
        assert not updated["session"]["audio"]["input"]["transcription"].get("prompt")


@pytest.mark.parametrize("prompt", [LONG, LONGEST])
def test_a_prompt_of_a_client_secret(small: RunningServer, prompt: str) -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1", "prompt": prompt}}}}
    answer = httpx.post(f"{small.url}/v1/realtime/client_secrets", json={"session": session}, timeout=PATIENCE)
    assert answer.json()["error"]["code"] == "context_too_long"


def test_a_handshake_that_nobody_reads_is_answered(small: RunningServer) -> None:
    """The library below gives up without a word where a line is longer than it reads."""
    url = f"{small.url.replace('http', 'ws')}/v1/listen?{SOUND}&{urlencode({'keyterm': 'x' * 70_000})}"
    with pytest.raises(InvalidStatus) as caught, connect(url):
        raise AssertionError("it was accepted")
    assert caught.value.response.status_code == 431
