"""``POST /v1/listen`` over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import tone
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

WAV = tone(3.0)
OPENING = '[{"Start":0,"End":1,"Speaker":0,"Content":"'


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(max_upload_bytes=1_500_000) as running:
        yield running


def listen(
    server: RunningServer, query: str = "", body: bytes = WAV, media_type: str | None = "audio/wav"
) -> httpx.Response:
    headers = {} if media_type is None else {"content-type": media_type}
    return httpx.post(f"{server.url}/v1/listen?{query}", content=body, headers=headers, timeout=60)


def assert_refused(response: httpx.Response, status: int, code: str, said: str) -> None:
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()
    assert set(error) == {"err_code", "err_msg", "request_id"}
    assert error["err_code"] == code
    assert said in error["err_msg"]
    assert response.headers["dg-error"] == error["err_msg"]
    assert response.headers["dg-request-id"] == response.headers["x-request-id"] == error["request_id"]


@pytest.mark.parametrize("media_type", ["audio/wav", "application/octet-stream", None])
def test_a_recording_is_transcribed(server: RunningServer, media_type: str | None) -> None:
    response = listen(server, "model=nova-3&smart_format=true&diarize=true&utterances=true", media_type=media_type)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["metadata"]["request_id"] == response.headers["dg-request-id"] == response.headers["x-request-id"]
    assert body["metadata"]["sha256"] == hashlib.sha256(WAV).hexdigest()
    assert body["metadata"]["duration"] == 3.0
    assert body["metadata"]["created"].endswith("Z")
    best = body["results"]["channels"][0]["alternatives"][0]
    assert best["transcript"] == TEXT
    assert [utterance["speaker"] for utterance in body["results"]["utterances"]] == [0, 1, 0]
    assert len(best["paragraphs"]["paragraphs"]) == 3


def test_a_body_that_is_spooled_to_disk_and_has_no_length(server: RunningServer) -> None:
    wav = tone(20.0, rate=48_000)[:1_300_000]
    pieces = (wav[at : at + 50_000] for at in range(0, len(wav), 50_000))
    response = httpx.post(f"{server.url}/v1/listen", content=pieces, timeout=60)
    assert response.status_code == 200, response.text
    assert response.json()["metadata"]["sha256"] == hashlib.sha256(wav).hexdigest()
    assert "ends early" in response.json()["metadata"]["warnings"][0]


def samples(encoding: str) -> bytes:
    """Of the same recording, without a container."""
    linear = WAV[WAV.index(b"data") + 8 :]
    return linear if encoding == "linear16" else bytes(len(linear) // 2)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("encoding=linear16&sample_rate=24000", samples("linear16")),
        ("encoding=linear16&sample_rate=12000&channels=2&multichannel=true", samples("linear16")),
        ("encoding=mulaw&sample_rate=24000", samples("mulaw")),
        ("encoding=linear16&sample_rate=8000", WAV),
        ("encoding=linear16", WAV),
        ("encoding=flac", WAV),
        ("encoding=opus&sample_rate=48000", WAV),
    ],
)
def test_samples_without_a_container_and_containers_whatever_they_are_called(
    server: RunningServer, query: str, body: bytes
) -> None:
    response = listen(server, query, body)
    assert response.status_code == 200, response.text
    assert response.json()["metadata"]["duration"] == pytest.approx(3.0, abs=0.01)


def test_words_are_told_as_the_client_wants_them(server: RunningServer) -> None:
    word = TEXT.split()[0]
    response = listen(server, f"replace={word}:Something&search=something&extra=a:b")
    channel = response.json()["results"]["channels"][0]
    assert channel["alternatives"][0]["transcript"].startswith("Something ")
    assert channel["search"][0]["hits"][0]["start"] == 0.0
    assert response.json()["metadata"]["extra"] == {"a": "b"}


def test_key_terms_reach_the_model(server: RunningServer) -> None:
    response = httpx.post(
        f"{server.url}/v1/listen",
        params={"keyterm": [OPENING, "Bern"], "keywords": ["Ada:2", 'Grün"}]']},
        content=WAV,
        timeout=60,
    )
    assert response.json()["results"]["channels"][0]["alternatives"][0]["transcript"].split() == ["Bern", "Ada", "Grün"]


def test_a_url_is_not_fetched(server: RunningServer) -> None:
    body = b'{"url":"https://example.com/a.wav"}'
    response = listen(server, body=body, media_type="application/json; charset=utf-8")
    assert_refused(response, 400, "UNSUPPORTED_MEDIA_TYPE", "not a URL")


@pytest.mark.parametrize(
    ("query", "body", "media_type", "status", "code", "said"),
    [
        ("endpointing=soon", WAV, "audio/wav", 400, "INVALID_QUERY_PARAMETER", "endpointing"),
        ("callback=https://example.com", WAV, "audio/wav", 400, "INVALID_QUERY_PARAMETER", "callback"),
        ("encoding=linear16", bytes(9_000), "audio/wav", 400, "INVALID_QUERY_PARAMETER", "sample_rate"),
        ("encoding=opus", bytes(9_000), "audio/wav", 415, "UNSUPPORTED_FORMAT", "Ogg"),
        ("redact=pci", WAV, "audio/wav", 400, "INVALID_QUERY_PARAMETER", "redact"),
        ("", b"", "audio/wav", 400, "EMPTY_AUDIO", "empty"),
        ("", b"no audio at all " * 99, "audio/wav", 415, "UNSUPPORTED_FORMAT", "not audio"),
        ("", b"RIFF\x00\x00\x00\x00WAVE" + bytes(40), "audio/wav", 400, "CORRUPT_AUDIO", "damaged"),
        ("", WAV, "multipart/form-data; boundary=x", 400, "UNSUPPORTED_MEDIA_TYPE", "form"),
        ("", bytes(1_500_001), "audio/wav", 413, "CONTENT_TOO_LARGE", "exceeded"),
    ],
)
def test_refusals(
    server: RunningServer, query: str, body: bytes, media_type: str, status: int, code: str, said: str
) -> None:
    assert_refused(listen(server, query, body, media_type), status, code, said)


def test_refusals_are_counted_and_nothing_stays_admitted(server: RunningServer) -> None:
    before = server.metric("asr_rejections_total", reason="content_too_large")
    listen(server, body=bytes(1_500_001))
    assert server.metric("asr_rejections_total", reason="content_too_large") == before + 1
    assert server.service.engine.admission.requests == 0
