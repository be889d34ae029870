"""Answers that would come too late: given up wherever the request is, told in each protocol's shape, counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import assert_envelope, tone
from tests.server.http.test_guards import raw
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner, endless_answer

PATH = "/v1/audio/transcriptions"
HEADER = "x-request-timeout"


def form(seconds: float, **data: str) -> dict[str, Any]:
    """With the runner below the answer takes a sixth of the recording, and some seconds more."""
    return {"files": {"file": tone(seconds, rate=8_000)}, "data": {"prompt": endless_answer()[:8_000]} | data}


FORM = form(120.0)


@pytest.fixture(scope="module")
def single() -> Iterator[RunningServer]:
    """One request is computed at a time, and every token takes some time."""
    with running_server(partial(SpeakingRunner, step_seconds=0.01), max_rows=1, loop_guard=False) as running:
        yield running


def post(server: RunningServer, seconds: str, path: str = PATH, **form: Any) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", headers={HEADER: seconds}, timeout=PATIENCE, **(form or FORM))


def given_up(server: RunningServer, *stages: str) -> float:
    """Requests; of all stages where none is named: where one is at its deadline, a busy machine decides."""
    names = stages or ("upload", "decode", "transcribe")
    return sum(server.metric("asr_deadline_exceeded_total", stage=stage) for stage in names)


def assert_nothing_is_left(server: RunningServer) -> None:
    server.wait_for(lambda: server.metric("asr_kv_pages_used") == 0, "its pages are free")
    assert server.metric("asr_queue_requests") == server.metric("asr_queue_audio_seconds") == 0


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "1e9", "nan", "inf", "1,5", "٣"])
def test_what_is_no_time(single: RunningServer, seconds: str) -> None:
    answer = httpx.post(f"{single.url}{PATH}", headers={HEADER.encode(): seconds.encode()}, **FORM, timeout=PATIENCE)
    assert_envelope(answer, 400, "invalid_value", HEADER)


@pytest.mark.parametrize("seconds", ["60", "60.5", "60.", ""])
def test_enough_time_changes_nothing(single: RunningServer, seconds: str) -> None:
    answer = post(single, seconds, files={"file": tone(0.5)}, data={"prompt": "[]"})
    assert answer.status_code == 200


def test_an_answer_that_would_be_late_is_given_up(single: RunningServer) -> None:
    before = given_up(single)
    late = post(single, "0.5")
    assert_envelope(late, 504, "deadline_exceeded")
    assert late.json()["error"]["type"] == "server_error"
    assert late.headers["x-should-retry"] == "false", "OpenAI's clients would repeat it otherwise"
    assert given_up(single) == before + 1
    assert_nothing_is_left(single)


def test_deepgrams_clients_are_told_in_its_shape(single: RunningServer) -> None:
    answer = httpx.post(
        f"{single.url}/v1/listen", headers={HEADER: "0.3"}, content=tone(60, rate=8_000), timeout=PATIENCE
    )
    assert (answer.status_code, answer.json()["err_code"]) == (504, "DEADLINE_EXCEEDED")
    assert_nothing_is_left(single)


def test_events_end_with_an_error(single: RunningServer) -> None:
    before = given_up(single)
    lines = post(single, "3", **form(120.0, stream="true")).text.splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert len(events) > 1
    assert events[0]["type"] == "transcript.text.delta"
    assert events[-1]["error"]["code"] == "deadline_exceeded"
    assert given_up(single) == before + 1
    assert_nothing_is_left(single)


def test_who_waits_for_a_place_is_given_up_and_never_computed(single: RunningServer) -> None:
    """The one row is taken by a request that is not disturbed."""
    answers: list[httpx.Response] = []
    first = threading.Thread(target=lambda: answers.append(post(single, "60", **form(5.0))))
    first.start()
    single.wait_for(lambda: single.metric("asr_active_streams") == 1, "the first is computed")
    before = single.service.engine.stats
    assert before is not None
    assert_envelope(post(single, "0.3"), 504, "deadline_exceeded")
    assert first.is_alive(), "it was given up before its turn came"
    single.wait_for(lambda: single.metric("asr_waiting_streams") == 0, "it waits no more")
    first.join(PATIENCE)
    assert answers[0].status_code == 200
    assert_nothing_is_left(single)
    after = single.service.engine.stats
    assert after is not None
    assert after.done.encoded_frames - before.done.encoded_frames <= 150, "frames of the second were never encoded"


def test_a_body_that_comes_too_slowly_is_given_up(single: RunningServer) -> None:
    before = given_up(single, "upload")
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{HEADER}: 0.3\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n"
    )
    answer = raw(single, head.encode())
    assert answer.startswith(b"HTTP/1.1 504 ")
    assert b"deadline_exceeded" in answer
    assert given_up(single, "upload") == before + 1


def test_the_server_has_a_longest_time_and_nobody_gets_more() -> None:
    with running_server(partial(SpeakingRunner, step_seconds=0.01), max_request_seconds=1) as hasty:
        assert_envelope(httpx.post(f"{hasty.url}{PATH}", timeout=PATIENCE, **FORM), 504, "deadline_exceeded")
        assert_envelope(post(hasty, "60"), 504, "deadline_exceeded")
        assert_nothing_is_left(hasty)
