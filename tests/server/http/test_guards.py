"""Who may call and how much they may send, decided before and while the body is read."""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Iterator

import httpx
import numpy as np
import openai
import pytest
import soundfile  # type: ignore[import-untyped]

from tests.server.http.conftest import KEY, OTHER_KEY, assert_envelope, tone
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

PATH = "/v1/audio/transcriptions"
BEARER = {"authorization": f"Bearer {KEY}"}


def raw(server: RunningServer, request: bytes) -> bytes:
    """The answer to a request of which nothing more than this is sent; ends when the server closes."""
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), timeout=60) as connection:
        connection.sendall(request)
        received = b""
        while data := connection.recv(65536):
            received += data
            head, found, body = received.partition(b"\r\n\r\n")
            if found and len(body) >= int(head.lower().partition(b"content-length:")[2].split()[0]):
                break
        return received


def headers_only(token: str, length: int) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("path", [PATH, "/v1/models", "/metrics", "/docs/nothing", "/nowhere"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {KEY}"}])
def test_no_key_no_answer(guarded_server: RunningServer, path: str, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{guarded_server.url}{path}", headers=headers)
    assert_envelope(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_key(guarded_server: RunningServer, path: str) -> None:
    assert httpx.get(f"{guarded_server.url}{path}").status_code == 200


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_every_key_opens(guarded_server: RunningServer, wav: bytes, key: str) -> None:
    with openai.OpenAI(base_url=f"{guarded_server.url}/v1", api_key=key, max_retries=0) as client:
        assert client.audio.transcriptions.create(file=("a.wav", wav), model="whisper-1").text == TEXT


def test_openai_hears_of_a_wrong_key(guarded_server: RunningServer, wav: bytes) -> None:
    with (
        openai.OpenAI(base_url=f"{guarded_server.url}/v1", api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.audio.transcriptions.create(file=("a.wav", wav), model="whisper-1")
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


def test_the_key_is_checked_before_the_body(guarded_server: RunningServer) -> None:
    assert raw(guarded_server, headers_only("wrong", 150_000)).startswith(b"HTTP/1.1 401 ")


def test_an_announced_size_is_refused_before_the_body(guarded_server: RunningServer) -> None:
    answer = raw(guarded_server, headers_only(KEY, 200_001))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"content_too_large" in answer


def test_a_size_without_announcement_is_refused_on_the_way(guarded_server: RunningServer) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield bytes(10_000)

    headers = BEARER | {"content-type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{guarded_server.url}{PATH}", content=endless(), headers=headers, timeout=60)
    assert_envelope(answer, 413, "content_too_large")


def test_a_refused_client_hears_why_although_it_sends_on(guarded_server: RunningServer) -> None:
    """More than fits into the buffers on the way: without a lingering close, sending would be reset."""
    body = bytes(30_000_000)
    assert raw(guarded_server, headers_only("wrong", len(body)) + body).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_does_not_come_is_refused() -> None:
    with running_server(upload_grace_seconds=0.3, upload_min_bytes_per_second=100_000) as hasty:
        answer = raw(hasty, headers_only("any", 150_000) + b"--b\r\n")
        assert hasty.metric("asr_rejections_total", reason="upload_too_slow") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"upload_too_slow" in answer


def test_audio_beyond_the_limit(guarded_server: RunningServer) -> None:
    answer = httpx.post(f"{guarded_server.url}{PATH}", files={"file": tone(4.2, rate=8000)}, headers=BEARER)
    assert assert_envelope(answer, 400, "audio_too_long", "file")["message"] == (
        "The audio is longer than the limit of 4 seconds: send it in parts, or let whoever runs the server raise the "
        "limit (--max-audio-seconds)."
    )


def test_channels_beyond_the_limit(guarded_server: RunningServer) -> None:
    """All together may last as long as two recordings."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros((28_000, 3)), 8_000, format="WAV")
    answer = httpx.post(
        f"{guarded_server.url}{PATH}", files={"file": file.getvalue()}, data={"channels": "split"}, headers=BEARER
    )
    told = assert_envelope(answer, 400, "audio_too_long", "file")["message"]
    assert told is not None
    assert "3 channels of the audio are together longer than 8 seconds: send it in parts" in told
    assert "--max-audio-seconds" in told


def test_a_known_speakers_clip_beyond_the_limit(guarded_server: RunningServer) -> None:
    """What helps against a long recording is of no use for a clip."""
    clip = f"data:audio/wav;base64,{base64.b64encode(tone(5, rate=8000)).decode()}"
    answer = httpx.post(
        f"{guarded_server.url}{PATH}",
        files={"file": tone(1, rate=8000)},
        data={"known_speaker_names[]": "Ada", "known_speaker_references[]": clip},
        headers=BEARER,
    )
    told = assert_envelope(answer, 400, "audio_too_long", "known_speaker_references")["message"]
    assert told == "known_speaker_references: Each must last 2 to 4 seconds."


def test_cors_for_configured_origins_only(guarded_server: RunningServer) -> None:
    def preflight(origin: str) -> httpx.Response:
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        return httpx.options(f"{guarded_server.url}{PATH}", headers={"origin": origin} | asked)

    assert preflight("https://app.example").headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in preflight("https://other.example").headers
    refused = httpx.get(f"{guarded_server.url}/v1/models", headers={"origin": "https://app.example"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://app.example"


SDK_HEADERS = (
    "authorization,content-type,openai-organization,openai-project,x-stainless-arch,x-stainless-lang,x-stainless-os,"
    "x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,"
    "x-stainless-timeout,x-stainless-helper-method,x-request-id,x-api-key,idempotency-key,cache-control,traceparent"
)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", "/v1/models", "/v1/listen", "/v1/realtime/client_secrets"])
def test_a_preflight_of_every_header_that_clients_send(guarded_server: RunningServer, path: str) -> None:
    asked = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": SDK_HEADERS,
        "access-control-request-private-network": "true",
    }
    answer = httpx.options(f"{guarded_server.url}{path}", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-headers"] == SDK_HEADERS
    assert answer.headers["access-control-allow-private-network"] == "true"


def test_pages_may_read_what_clients_obey(guarded_server: RunningServer) -> None:
    answer = httpx.get(f"{guarded_server.url}/v1/models", headers={"origin": "https://app.example"} | BEARER)
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "retry-after", "x-should-retry", "x-vibevoice-notes", "dg-request-id"} <= set(exposed)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_compressed_bodies_are_not_taken(server: RunningServer, wav: bytes, encoding: str) -> None:
    answer = httpx.post(f"{server.url}{PATH}", files={"file": wav}, headers={"content-encoding": encoding})
    assert encoding in str(assert_envelope(answer, 415, "unsupported_media_type")["message"])
    plain = httpx.post(f"{server.url}{PATH}", files={"file": wav}, headers={"content-encoding": "identity"}, timeout=60)
    assert plain.json()["text"] == TEXT


def test_no_cors_by_default(server: RunningServer) -> None:
    answer = httpx.get(f"{server.url}/v1/models", headers={"origin": "https://app.example"})
    assert "access-control-allow-origin" not in answer.headers
