"""What operators see: metrics, logs, ids, the API's own description; and what nobody may see."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.logs import ConsoleFormatter, JsonFormatter
from tests.server.http.conftest import KEY, Post, assert_envelope
from tests.support.scripted_server import RunningServer

PROMISED = {
    "asr_requests", "asr_request_duration_seconds", "asr_queue_seconds", "asr_first_segment_seconds", "asr_request_rtf",
    "asr_audio_seconds", "asr_queue_requests", "asr_queue_audio_seconds", "asr_active_streams", "asr_batch_size",
    "asr_kv_pages_used", "asr_kv_cache_usage_ratio", "asr_rejections", "asr_cancellations", "asr_decode_errors",
    "asr_worker_restarts", "asr_ready", "asr_draining", "asr_build_info", "asr_model_info",
    "asr_live_active_sessions", "asr_live_sessions", "asr_live_audio_seconds", "asr_live_first_words_seconds",
}  # fmt: skip


def test_metrics_parse_and_hold_what_is_promised(server: RunningServer, post: Post) -> None:
    audio = server.metric("asr_audio_seconds_total", outcome="transcribed")
    post()
    scraped = httpx.get(f"{server.url}/metrics", timeout=60)
    families = {family.name for family in text_string_to_metric_families(scraped.text)}
    assert families >= PROMISED
    assert server.metric("asr_audio_seconds_total", outcome="transcribed") == audio + 3.0
    assert server.metric("asr_ready") == 1
    assert server.metric("asr_model_info", model="scripted", device="none", dtype="none", attention="none") == 1


def test_a_stream_is_counted_and_gives_its_place_back_before_its_client_sees_the_end(
    server: RunningServer, post: Post
) -> None:
    audio = server.metric("asr_audio_seconds_total", outcome="transcribed")
    for round_ in range(1, 6):
        assert "transcript.text.done" in post(stream="true").text
        assert server.metric("asr_audio_seconds_total", outcome="transcribed") == audio + 3.0 * round_
        assert server.metric("asr_queue_requests") == 0


def test_undecodable_audio_is_counted(server: RunningServer) -> None:
    before = server.metric("asr_decode_errors_total", kind="unsupported_format")
    httpx.post(f"{server.url}/v1/audio/transcriptions", files={"file": b"no audio" * 100}, timeout=60)
    assert server.metric("asr_decode_errors_total", kind="unsupported_format") == before + 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-DEF_1", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("é", False), ("", False)],
)
def test_request_ids(server: RunningServer, given: str, kept: bool) -> None:
    answer = httpx.get(f"{server.url}/nowhere", headers={b"x-request-id": given.encode()}, timeout=60)
    assert (answer.headers["x-request-id"] == given) is kept
    assert answer.headers["x-request-id"]


@contextmanager
def log_lines(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """Everything that is logged inside, as it would be written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    # The test's own client tells everything it does.
    handler.addFilter(lambda record: record.name.partition(".")[0] not in ("httpx", "httpcore"))
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def test_one_record_per_request_without_anything_private(guarded_server: RunningServer, wav: bytes) -> None:
    def told() -> list[dict[str, Any]]:
        """What is logged of this request; the last words on others may come meanwhile."""
        lines = [json.loads(line) for line in as_json.getvalue().splitlines()]
        return [line for line in lines if (line["logger"], line.get("request_id")) == ("server.access", "id-of-mine")]

    with log_lines(JsonFormatter()) as as_json, log_lines(ConsoleFormatter()) as as_text:
        answer = httpx.post(
            f"{guarded_server.url}/v1/audio/transcriptions?secret=query",
            files={"file": ("private-name.wav", wav)},
            data={"prompt": "private prompt", "keywords[]": "privateer"},
            headers={"authorization": f"Bearer {KEY}", "x-request-id": "id-of-mine"},
            timeout=60,
        )
        assert answer.status_code == 200
        guarded_server.wait_for(lambda: bool(told()) and "id-of-mine" in as_text.getvalue(), "it is logged")
    for secret in (KEY, "private", "secret=query", "Good morning", "Grün"):
        assert secret not in as_json.getvalue() + as_text.getvalue()
    [line] = told()
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/audio/transcriptions", 200)
    assert (line["audio_s"], line["outcome"], line["end"]) == (3.0, "transcribed", "stop")
    assert "request_id=id-of-mine" in as_text.getvalue()


def test_files_of_the_page_do_not_fill_the_log(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    """There are a hundred of them each time that somebody opens it."""

    def levels() -> dict[str, str]:
        records = [record for record in caplog.records if record.name == "server.access"]
        return {vars(record)["fields"]["route"]: record.levelname for record in records}

    expected = {"/web/{name:path}": "DEBUG", "/health": "DEBUG", "/": "INFO"}
    with caplog.at_level(logging.DEBUG, "server.access"):
        for path in ("/web/js/main.js", "/health", "/"):
            assert httpx.get(f"{server.url}{path}", timeout=60).status_code == 200
        server.wait_for(lambda: expected.keys() <= levels().keys(), "all are logged")
    assert {route: levels()[route] for route in expected} == expected


def test_models(server: RunningServer) -> None:
    [model] = httpx.get(f"{server.url}/v1/models", timeout=60).json()["data"]
    assert (model["id"], model["object"]) == ("vibevoice-asr", "model")
    for name in ("vibevoice-asr", "tiny", "whisper-1"):
        assert httpx.get(f"{server.url}/v1/models/{name}", timeout=60).json()["id"] == name
    assert_envelope(httpx.get(f"{server.url}/v1/models/some/other", timeout=60), 404, "model_not_found", "model")


def test_unknown_paths_and_methods(server: RunningServer) -> None:
    assert_envelope(httpx.get(f"{server.url}/v1/nothing", timeout=60), 404, "not_found")
    answer = httpx.get(f"{server.url}/v1/audio/transcriptions", timeout=60)
    assert_envelope(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_openapi_describes_the_form(server: RunningServer) -> None:
    described = httpx.get(f"{server.url}/openapi.json", timeout=60).json()
    form = described["paths"]["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert {"file", "response_format", "keywords", "known_speaker_references"} <= set(form["schema"]["properties"])
