"""Refusals under load: as quick as a probe, before the body, with a true Retry-After, whoever refuses."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from time import perf_counter
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import tone
from tests.server.http.test_guards import headers_only, raw
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner, endless_answer

PATH = "/v1/audio/transcriptions"
PROBE = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
UPLOAD = headers_only("any", 150_000)
LISTEN = UPLOAD.replace(PATH.encode(), b"/v1/listen").replace(b"multipart/form-data; boundary=b", b"audio/wav")
ANSWER: dict[str, Any] = {
    "files": {"file": tone(120.0, rate=8_000)},
    "data": {"prompt": endless_answer()[:8_000], "stream": "true"},
}


@pytest.fixture(scope="module")
def busy() -> Iterator[RunningServer]:
    """Two places, both taken by answers that are being written."""
    with (
        running_server(partial(SpeakingRunner, step_seconds=0.01), max_requests=2) as running,
        ExitStack() as answers,
    ):
        lines = [answers.enter_context(being_answered(running)) for _ in range(2)]
        yield running
        del lines


@contextmanager
def being_answered(server: RunningServer) -> Iterator[object]:
    with httpx.stream("POST", f"{server.url}{PATH}", timeout=PATIENCE, **ANSWER) as answer:
        lines = answer.iter_lines()
        next(lines)
        yield lines


def seconds(of: Callable[[], bytes]) -> float:
    began = perf_counter()
    of()
    return perf_counter() - began


@pytest.mark.parametrize("request_", [UPLOAD, LISTEN], ids=["transcriptions", "listen"])
def test_a_refusal_is_as_quick_as_a_probe(busy: RunningServer, request_: bytes) -> None:
    """The server reads nothing of the body, decodes nothing and asks nobody: what it does is write an answer."""
    refused, probed = [], []
    for _ in range(25):
        refused.append(seconds(lambda: raw(busy, request_)))
        probed.append(seconds(lambda: raw(busy, PROBE)))
    assert raw(busy, request_).startswith(b"HTTP/1.1 429 ")
    assert statistics.median(refused) < 5 * statistics.median(probed)


def test_it_says_when_to_come_again_in_seconds_and_milliseconds(busy: RunningServer) -> None:
    waits = set()
    for _ in range(10):
        head = raw(busy, UPLOAD).decode().partition("\r\n\r\n")[0].splitlines()[1:]
        headers = dict(line.split(": ", 1) for line in head)
        wait = int(headers["retry-after-ms"])
        assert 1_000 * (int(headers["retry-after"]) - 1) < wait <= 1_000 * int(headers["retry-after"])
        assert wait <= 60_000
        waits.add(wait)
    assert len(waits) > 5, "who was refused together comes back apart"
