"""A client that leaves gives everything back: its place, its stream, its pages."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.server.http.conftest import tone
from tests.server.http.test_request_shapes import BOUNDARY, END, part
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT, endless_answer, random_words

PATH = "/v1/audio/transcriptions"
HELD = (
    "asr_active_streams",
    "asr_waiting_streams",
    "asr_kv_pages_used",
    "asr_queue_requests",
    "asr_queue_audio_seconds",
    "asr_uploads",
)
"""Gauges of what a request holds."""


def request(wav: bytes, **fields: str) -> bytes:
    body = part("file", wav, "a.wav") + b"".join(part(key, value.encode()) for key, value in fields.items()) + END
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def connection(server: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), timeout=60) as made:
        yield made


def assert_all_given_back(server: RunningServer) -> None:
    server.wait_for(lambda: not any(map(server.metric, HELD)), f"all of {HELD} are 0")


@pytest.mark.parametrize("streamed", ["false", "true"])
def test_leaving_while_the_model_works(slow_server: RunningServer, wav: bytes, streamed: str) -> None:
    cancelled = slow_server.metric("asr_cancellations_total", stage="transcribe")
    with connection(slow_server) as client:
        client.sendall(request(wav, prompt=endless_answer(), stream=streamed))
        slow_server.wait_for(lambda: slow_server.metric("asr_kv_pages_used") > 0, "the model works on it")
        if streamed == "true":
            assert client.recv(15) == b"HTTP/1.1 200 OK"
    slow_server.wait_for(
        lambda: slow_server.metric("asr_cancellations_total", stage="transcribe") == cancelled + 1, "it is noticed"
    )
    assert_all_given_back(slow_server)
    assert httpx.post(f"{slow_server.url}{PATH}", files={"file": wav}, timeout=60).json()["text"] == TEXT


def test_leaving_in_the_middle_of_the_upload(slow_server: RunningServer, wav: bytes) -> None:
    cancelled = slow_server.metric("asr_cancellations_total", stage="upload")
    with connection(slow_server) as client:
        client.sendall(request(wav)[:-1000])
        slow_server.wait_for(lambda: slow_server.metric("asr_uploads") == 1, "the upload has begun")
    slow_server.wait_for(
        lambda: slow_server.metric("asr_cancellations_total", stage="upload") == cancelled + 1, "it is noticed"
    )
    assert_all_given_back(slow_server)


def test_leaving_without_reading() -> None:
    """The server waits inside ``send`` then, where a generator's ``finally`` would not run.

    An answer of 400 KiB fills uvicorn's 64 KiB once the kernel keeps little of it.
    """
    with running_server(loop_guard=False) as server:
        server.limit_kernel_buffers(4096)
        with connection(server) as client:
            wav = tone(120.0)
            client.sendall(request(wav, prompt=endless_answer(), stream="true", **{"include[]": "logprobs"}))
            server.wait_for(lambda: server.writes_paused == 1, "the server waits for the reader")
            assert server.metric("asr_queue_requests") == 1
        assert_all_given_back(server)


def test_a_silent_stream_is_kept_alive(slow_server: RunningServer, wav: bytes) -> None:
    """The first segment takes a second of steps before its first word, and nothing is said in a pause."""
    silence = '[{"Start":0,"End":3,"Content":"[' + " ".join(random_words(60)) + ']"}]'
    answer = httpx.post(
        f"{slow_server.url}{PATH}", files={"file": wav}, data={"prompt": silence, "stream": "true"}, timeout=60
    )
    assert answer.text.startswith(": ")
    assert answer.headers["x-accel-buffering"] == "no"
    events = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    assert len(events) == 1
    assert '"text": ""' in events[0]


def test_an_error_after_the_headers_is_the_last_event(wav: bytes) -> None:
    with running_server() as server:
        answer = httpx.post(
            f"{server.url}{PATH}", files={"file": wav}, data={"prompt": "out of memory", "stream": "true"}, timeout=60
        )
        assert answer.status_code == 200
        assert '"code": "out_of_memory"' in answer.text.rpartition("data: ")[2]
        assert answer.text.count("data: ") == 1
        assert "event: error\n" in answer.text
        assert_all_given_back(server)
