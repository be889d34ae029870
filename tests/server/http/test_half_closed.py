"""Clients that shut down their half of the connection are answered; those that left are noticed all the same."""

from __future__ import annotations

import http.client
import json
import socket

import httpx
import pytest

from tests.server.http.test_disconnects import assert_all_given_back, connection, request
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT, endless_answer

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer_to(server: RunningServer, sent: bytes) -> bytes:
    """All that comes back when nothing is sent behind ``sent``, without interim answers."""
    with connection(server) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while data := client.recv(65536):
            received += data
    return received.replace(INTERIM, b"")


def chunked(whole: bytes, pieces: int = 3) -> bytes:
    """A request with a length as one without."""
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    size = len(body) // pieces + 1
    cuts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(cut), cut) for cut in cuts)
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked"]) + b"\r\n\r\n" + framed + b"0\r\n\r\n"


@pytest.mark.parametrize("with_length", [True, False])
def test_a_whole_answer(slow_server: RunningServer, wav: bytes, with_length: bool) -> None:
    """The model takes longer than the end of the request."""
    whole = request(wav)
    head, _, body = answer_to(slow_server, whole if with_length else chunked(whole)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in head
    assert json.loads(body)["text"] == TEXT


def test_a_stream_to_its_end(slow_server: RunningServer, wav: bytes) -> None:
    answer = answer_to(slow_server, request(wav, stream="true"))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"transcript.text.done" in answer
    assert answer.endswith(b"0\r\n\r\n")


def test_requests_that_were_sent_one_behind_the_other(server: RunningServer, wav: bytes) -> None:
    probe = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = answer_to(server, request(wav) + probe + request(wav))
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(TEXT.encode()) == 2
    assert answer.count(b"connection: close") == 1


def test_a_client_library_that_knows_one_interim_answer(slow_server: RunningServer, wav: bytes) -> None:
    """Python's own, under requests and urllib3, skips 100 and takes any other for the answer."""
    head, _, body = request(wav).partition(b"\r\n\r\n")
    content_type = head.partition(b"Content-Type: ")[2].partition(b"\r\n")[0].decode()
    client = http.client.HTTPConnection("127.0.0.1", httpx.URL(slow_server.url).port or 0, timeout=60)
    client.request("POST", "/v1/audio/transcriptions", body, {"content-type": content_type})
    client.sock.shutdown(socket.SHUT_WR)
    answer = client.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["text"] == TEXT
    client.close()


@pytest.mark.parametrize("kept", [0.1, 0.7])
@pytest.mark.parametrize("with_length", [True, False])
def test_half_a_body_is_called_cut_off(server: RunningServer, wav: bytes, with_length: bool, kept: float) -> None:
    whole = request(wav) if with_length else chunked(request(wav))
    head, _, body = answer_to(server, whole[: int(len(whole) * kept)]).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    error = json.loads(body)["error"]
    assert error["code"] == "incomplete_body"
    assert "cut off" in error["message"]


def test_half_a_recording_is_not_taken_for_a_whole_one(server: RunningServer, wav: bytes) -> None:
    head = f"POST /v1/listen HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(wav)}\r\n\r\n".encode()
    answer = answer_to(server, head + wav[: len(wav) // 2])
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"INCOMPLETE_BODY" in answer


def test_half_a_head_is_left_unanswered(server: RunningServer) -> None:
    assert answer_to(server, b"POST /v1/listen HTTP/1.1\r\nHo") == b""


def test_nothing_more_after_an_answer(server: RunningServer) -> None:
    """A connection that was kept for another request ends with it."""
    with connection(server) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = client.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" not in received
        client.shutdown(socket.SHUT_WR)
        assert client.recv(65536) == b""


@pytest.mark.parametrize("streamed", ["false", "true"])
def test_who_leaves_later_is_noticed(slow_server: RunningServer, wav: bytes, streamed: str) -> None:
    cancelled = slow_server.metric("asr_cancellations_total", stage="transcribe")
    with connection(slow_server) as client:
        client.sendall(request(wav, prompt=endless_answer(), stream=streamed))
        client.shutdown(socket.SHUT_WR)
        slow_server.wait_for(lambda: slow_server.metric("asr_kv_pages_used") > 0, "the model works on it")
    slow_server.wait_for(
        lambda: slow_server.metric("asr_cancellations_total", stage="transcribe") == cancelled + 1, "it is noticed"
    )
    assert_all_given_back(slow_server)


def test_http_1_0_has_no_interim_answers(slow_server: RunningServer, wav: bytes) -> None:
    """So a client of it that sends no more counts as gone: proxies that speak it close like this."""
    assert answer_to(slow_server, request(wav).replace(b"HTTP/1.1", b"HTTP/1.0", 1)) == b""
    assert_all_given_back(slow_server)
