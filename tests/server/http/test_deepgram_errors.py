"""Every refusal at a path of Deepgram's API has its shape, whoever refuses: keys, limits, router, engine."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest

from server.http.deepgram_error import DEEPGRAM_PATHS
from tests.server.http.conftest import KEY, assert_envelope, full_engine
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import load_when_it_exists

LISTEN = "/v1/listen"
AUTHORIZED = {"authorization": f"Token {KEY}"}


def assert_deepgrams(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert set(error) == {"err_code", "err_msg", "request_id"}
    assert error["err_code"] == code
    assert answer.headers["dg-error"] == error["err_msg"]
    assert answer.headers["dg-request-id"] == error["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status in (429, 503))


@pytest.mark.parametrize("path", sorted(DEEPGRAM_PATHS))
def test_keys_and_the_router(guarded_server: RunningServer, path: str) -> None:
    url = f"{guarded_server.url}{path}"
    assert_deepgrams(httpx.post(url, content=b"x"), 401, "INVALID_AUTH")
    assert_deepgrams(httpx.post(f"{url}/more", headers=AUTHORIZED), 404, "NOT_FOUND")
    answer = httpx.delete(url, headers=AUTHORIZED)
    assert answer.status_code in (404, 405), "a path of sessions alone is none for requests"
    assert_deepgrams(answer, answer.status_code, {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}[answer.status_code])
    if answer.status_code == 405:
        assert answer.headers["allow"] == "POST"


def test_limits_and_bodies(guarded_server: RunningServer, wav: bytes) -> None:
    post = partial(httpx.post, f"{guarded_server.url}{LISTEN}", headers=AUTHORIZED, timeout=60)
    assert_deepgrams(post(content=bytes(200_001)), 413, "CONTENT_TOO_LARGE")
    assert_deepgrams(post(content=b"words, not sound. " * 99), 415, "UNSUPPORTED_FORMAT")
    assert_deepgrams(post(content=wav[:12]), 400, "CORRUPT_AUDIO")
    assert_deepgrams(post(content=wav, params={"topics": "true"}), 400, "INVALID_QUERY_PARAMETER")


def test_paths_beside_them_answer_as_openai_does(guarded_server: RunningServer) -> None:
    for path in ("/v1/listening", "/v1", "/v1/audio"):
        assert_envelope(httpx.get(f"{guarded_server.url}{path}", headers=AUTHORIZED), 404, "not_found")


def test_places_that_are_taken(slow_server: RunningServer, wav: bytes) -> None:
    with full_engine(slow_server):
        answer = httpx.post(f"{slow_server.url}{LISTEN}", content=wav)
    assert_deepgrams(answer, 429, "TOO_MANY_REQUESTS")


def test_a_model_that_is_not_there(wav: bytes, tmp_path: Path) -> None:
    with running_server(partial(load_when_it_exists, tmp_path / "never"), ready=False) as server:
        assert_deepgrams(httpx.post(f"{server.url}{LISTEN}", content=wav), 503, "MODEL_NOT_READY")
