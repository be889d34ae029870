"""Uploads have places of their own: who sends slowly keeps nobody else from the engine, and not for ever."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.server.http.conftest import assert_envelope, full_engine
from tests.server.http.test_disconnects import assert_all_given_back, connection, request
from tests.server.http.test_guards import headers_only, raw
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT, endless_answer

PATH = "/v1/audio/transcriptions"
PLACES = 4
BEGINNING = headers_only("any", 150_000) + b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
"""Of an upload."""


@pytest.fixture(scope="module")
def few_places() -> Iterator[RunningServer]:
    """Few places for uploads."""
    with running_server(max_uploads=PLACES, upload_seconds=60.0, upload_grace_seconds=600.0) as running:
        yield running


@contextmanager
def unfinished(server: RunningServer, count: int) -> Iterator[list[socket.socket]]:
    """So many uploads of which only the beginning comes."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connection(server)) for _ in range(count)]
        for client in connections:
            client.sendall(BEGINNING)
        server.wait_for(lambda: server.service.uploads.taken == count, "all are read")
        yield connections
    server.wait_for(lambda: server.service.uploads.taken == 0, "the places are given back")


def answered(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def test_slow_uploads_keep_nobody_from_the_engine(slow_server: RunningServer, wav: bytes) -> None:
    """There are many more of them than the engine has places."""
    cancelled = slow_server.metric("asr_cancellations_total", stage="upload")
    with unfinished(slow_server, 20):
        assert slow_server.metric("asr_queue_requests") == 0
        answer = httpx.post(f"{slow_server.url}{PATH}", files={"file": wav}, timeout=60)
        assert answer.json()["text"] == TEXT
    slow_server.wait_for(
        lambda: slow_server.metric("asr_cancellations_total", stage="upload") == cancelled + 20, "all are counted"
    )


@pytest.mark.parametrize("path", [PATH, "/v1/audio/diarization", "/v1/listen"])
def test_a_full_engine_says_so_before_the_body(slow_server: RunningServer, path: str) -> None:
    refused_before = slow_server.metric("asr_rejections_total", reason="overloaded")
    with full_engine(slow_server):
        answer = raw(slow_server, headers_only("any", 150_000).replace(PATH.encode(), path.encode()))
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: " in answer
        assert b"x-should-retry: true" in answer
        assert slow_server.service.uploads.taken == 0
    assert slow_server.metric("asr_rejections_total", reason="overloaded") == refused_before + 1


def test_the_engine_may_be_full_when_all_of_it_has_come(slow_server: RunningServer, wav: bytes) -> None:
    whole = request(wav)
    with connection(slow_server) as client:
        client.sendall(whole[:-10])
        slow_server.wait_for(lambda: slow_server.service.uploads.taken == 1, "it is read")
        with full_engine(slow_server):
            client.sendall(whole[-10:])
            assert client.recv(12) == b"HTTP/1.1 429"
    assert_all_given_back(slow_server)
    assert slow_server.service.memory.used == 0


def test_the_places_for_uploads_are_counted(few_places: RunningServer, wav: bytes) -> None:
    with unfinished(few_places, PLACES):
        answer = httpx.post(f"{few_places.url}{PATH}", files={"file": wav}, timeout=60)
        assert str(PLACES) in str(assert_envelope(answer, 429, "too_many_uploads")["message"])
        assert few_places.metric("asr_rejections_total", reason="too_many_uploads") == 1
    assert httpx.post(f"{few_places.url}{PATH}", files={"file": wav}, timeout=60).json()["text"] == TEXT


def test_the_longest_time_of_an_upload() -> None:
    """Its rate is not looked at for ten minutes."""
    with running_server(upload_seconds=1.0, upload_grace_seconds=600.0) as hasty:
        with connection(hasty) as client:
            client.sendall(BEGINNING + bytes(100_000))
            answer = answered(client)
        rejections = hasty.metric("asr_rejections_total", reason="upload_too_slow")
        hasty.wait_for(lambda: hasty.service.uploads.taken == 0, "the place is given back")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"upload_too_slow" in answer
    assert b"longer than 1 seconds" in answer
    assert rejections == 1


@pytest.mark.parametrize("streamed", ["false", "true"])
def test_the_body_stays_until_the_answer_has_ended(slow_server: RunningServer, wav: bytes, streamed: str) -> None:
    """If the worker dies meanwhile, it is decoded again."""
    spool = slow_server.service.spool
    with connection(slow_server) as client:
        client.sendall(request(wav, prompt=endless_answer(), stream=streamed))
        slow_server.wait_for(lambda: slow_server.metric("asr_kv_pages_used") > 0, "the model works on it")
        assert spool.memory.used >= len(wav)
    slow_server.wait_for(lambda: spool.memory.used == 0, "it is given back")
    slow_server.wait_for(lambda: slow_server.metric("asr_kv_pages_used") == 0, "the next is not taken for this one")
