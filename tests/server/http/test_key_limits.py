"""What each key may have, over HTTP and WebSockets: who is refused, how, and what is told of what is left."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import openai
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection, connect

from server.http.auth.keys import hashed
from tests.server.http.conftest import assert_envelope, tone
from tests.server.http.test_guards import headers_only, raw
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner, hour_long_answer

PATH = "/v1/audio/transcriptions"
NARROW, FREE, METERED, TALKING = "sk-narrow", "sk-free", "sk-metered", "sk-talking"
SOUND = "encoding=linear16&sample_rate=16000"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(
        f"{hashed(NARROW)} name=narrow max_requests=1 max_live_sessions=1\n{FREE}\n"
        f"{METERED} audio_seconds_per_minute=4\n{TALKING} audio_seconds_per_minute=2\n"
    )
    return file


@pytest.fixture(scope="module")
def limited(key_file: Path) -> Iterator[RunningServer]:
    with running_server(partial(SpeakingRunner, step_seconds=0.01), api_keys_file=key_file) as running:
        yield running


@contextmanager
def in_work(server: RunningServer, key: str) -> Iterator[None]:
    """A request of this key whose answer does not end."""
    form = {"files": {"file": tone(60, rate=8_000)}, "data": {"stream": "true", "prompt": hour_long_answer()[:8_000]}}
    with httpx.stream("POST", f"{server.url}{PATH}", headers=bearer(key), timeout=PATIENCE, **form) as answer:  # type: ignore[arg-type]
        assert answer.status_code == 200
        lines = answer.iter_lines()  # which closes the answer when nobody holds it
        next(lines)
        yield


def post(server: RunningServer, key: str, path: str = PATH, seconds: float = 0.5) -> httpx.Response:
    return httpx.post(
        f"{server.url}{path}",
        headers=bearer(key),
        files={"file": tone(seconds)},
        data={"prompt": "[]"},
        timeout=PATIENCE,
    )


def live(server: RunningServer, path: str, credential: str) -> ClientConnection:
    return connect(f"{server.url.replace('http', 'ws')}{path}", additional_headers=bearer(credential), open_timeout=60)


def refusal(server: RunningServer, path: str, credential: str) -> Response:
    with pytest.raises(InvalidStatus) as caught, live(server, path, credential):
        raise AssertionError("it was accepted")
    return caught.value.response


def until_closed(socket: ClientConnection) -> Iterator[str | bytes]:
    with suppress(ConnectionClosed):
        while True:
            yield socket.recv(PATIENCE)


def test_a_key_that_has_its_requests_waits_and_nobody_else(limited: RunningServer) -> None:
    before = limited.metric("asr_rejections_total", reason="rate_limit_exceeded")
    with in_work(limited, NARROW):
        for path in (PATH, "/v1/audio/diarization"):
            refused = post(limited, NARROW, path)
            assert_envelope(refused, 429, "rate_limit_exceeded")
            assert refused.json()["error"]["type"] == "rate_limit_error"
            assert refused.headers["x-ratelimit-limit-requests"] == "1"
            assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        deepgram = httpx.post(f"{limited.url}/v1/listen", headers=bearer(NARROW), content=tone(0.5), timeout=PATIENCE)
        assert (deepgram.status_code, deepgram.json()["err_code"]) == (429, "TOO_MANY_REQUESTS")
        assert int(deepgram.headers["retry-after"]) >= 1
        assert post(limited, FREE).status_code == 200
        assert httpx.get(f"{limited.url}/v1/models", headers=bearer(NARROW)).status_code == 200
    assert limited.metric("asr_rejections_total", reason="rate_limit_exceeded") == before + 3
    limited.wait_for(lambda: post(limited, NARROW).status_code == 200, "the place is given back")


def test_openais_client_knows_what_it_is_refused_for_and_when_to_come_again(limited: RunningServer) -> None:
    with (
        in_work(limited, NARROW),
        openai.OpenAI(base_url=f"{limited.url}/v1", api_key=NARROW, max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.audio.transcriptions.create(file=("a.wav", tone(0.5)), model="whisper-1")
    assert caught.value.code == "rate_limit_exceeded"
    assert float(caught.value.response.headers["retry-after-ms"]) <= 1_000 * float(
        caught.value.response.headers["retry-after"]
    )


def test_a_body_is_not_waited_for(limited: RunningServer) -> None:
    """It is refused at the door: nothing of it has to come."""
    with in_work(limited, NARROW):
        assert raw(limited, headers_only(NARROW, 150_000)).startswith(b"HTTP/1.1 429 ")


def test_what_is_not_limited_is_not_told(limited: RunningServer) -> None:
    assert not [name for name in post(limited, FREE).headers if name.startswith("x-ratelimit")]
    assert not [name for name in httpx.get(f"{limited.url}/v1/models").headers if name.startswith("x-ratelimit")]


def test_audio_by_the_minute(limited: RunningServer) -> None:
    """Four seconds a minute: the second recording overdraws, and the third is refused before it is read."""
    told = post(limited, METERED, seconds=3.0).headers
    assert (told["x-ratelimit-limit-audio-seconds"], told["x-ratelimit-reset-audio-seconds"][-1]) == ("4", "s")
    assert 0.8 < float(told["x-ratelimit-remaining-audio-seconds"]) < 2
    assert post(limited, METERED, seconds=3.0).status_code == 200
    refused = post(limited, METERED, seconds=0.1)
    assert_envelope(refused, 429, "rate_limit_exceeded")
    assert "4 seconds of audio per minute" in refused.json()["error"]["message"]
    assert 30 < int(refused.headers["retry-after"]) <= 50, "a second and what was overdrawn, at 4 a minute"
    assert refused.headers["x-ratelimit-remaining-audio-seconds"] == "0.00"
    for path in ("/v1/realtime", f"/v1/listen?{SOUND}"):
        assert refusal(limited, path, METERED).status_code == 429


@pytest.mark.parametrize("path", ["/v1/realtime", f"/v1/listen?{SOUND}", f"/v2/listen?{SOUND}"])
def test_live_sessions_at_once(limited: RunningServer, path: str) -> None:
    with live(limited, "/v1/realtime", NARROW):
        response = refusal(limited, path, NARROW)
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        body = json.loads(response.body)
        told = body["error"]["code"] if path == "/v1/realtime" else body["err_code"]
        assert told == ("rate_limit_exceeded" if path == "/v1/realtime" else "TOO_MANY_REQUESTS")
        with live(limited, path, FREE):
            pass
    account = limited.service.keys.caller([NARROW], now=0)
    assert account is not None
    limited.wait_for(lambda: account.account.live_sessions == 0, "the session has ended")


def test_a_client_secret_counts_for_its_key(limited: RunningServer) -> None:
    made = httpx.post(f"{limited.url}/v1/realtime/client_secrets", headers=bearer(NARROW), json={}, timeout=PATIENCE)
    secret = made.json()["value"]
    with live(limited, "/v1/realtime", secret):
        assert refusal(limited, "/v1/realtime", NARROW).status_code == 429
        assert refusal(limited, "/v1/realtime", secret).status_code == 429
    account = limited.service.keys.caller([NARROW], now=0)
    assert account is not None
    limited.wait_for(lambda: account.account.live_sessions == 0, "the session has ended")


def test_a_session_ends_when_its_key_has_no_audio_left(limited: RunningServer) -> None:
    """Two seconds a minute; the fourth comes when three are heard."""
    second = base64.b64encode(bytes(48_000)).decode()
    with live(limited, "/v1/realtime", TALKING) as socket:
        for _ in range(4):
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": second}))
        events = [json.loads(message) for message in until_closed(socket)]
        assert socket.close_code == 1008
    assert events[-1]["type"] == "error"
    assert (events[-1]["error"]["type"], events[-1]["error"]["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "2 seconds of audio per minute" in events[-1]["error"]["message"]
    assert refusal(limited, "/v1/realtime", TALKING).status_code == 429
    assert_envelope(post(limited, TALKING), 429, "rate_limit_exceeded")


def test_the_key_file_is_read_again(key_file: Path, limited: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    before = key_file.read_text()
    try:
        key_file.write_text(before.replace(f"\n{FREE}\n", "\nsk-new max_requests=3\n"))
        limited.service.reload_keys()
        assert httpx.get(f"{limited.url}/v1/models", headers=bearer(FREE)).status_code == 401
        told = httpx.get(f"{limited.url}/v1/models", headers=bearer("sk-new")).headers
        assert told["x-ratelimit-limit-requests"] == "3"
        for broken in ("sk-secret max=1\n", "# nobody\n"):
            key_file.write_text(broken)
            limited.service.reload_keys()
            assert httpx.get(f"{limited.url}/v1/models", headers=bearer("sk-new")).status_code == 200
        key_file.unlink()
        limited.service.reload_keys()
        assert httpx.get(f"{limited.url}/v1/models", headers=bearer("sk-new")).status_code == 200
        assert caplog.text.count("the keys stay as they are") == 3
        assert "sk-secret" not in caplog.text
    finally:
        key_file.write_text(before)
        limited.service.reload_keys()
