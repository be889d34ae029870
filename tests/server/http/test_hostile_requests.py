"""Requests that are meant to be read in two ways, and clients that try to get words into the log or out of it."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from server.logs import JsonFormatter
from tests.server.http.conftest import KEY
from tests.server.http.test_observability import log_lines
from tests.support.scripted_server import RunningServer

POST = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
NEXT = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
TWO_READINGS = {
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + NEXT,
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef" + NEXT,
    "negative length": POST + b"Content-Length: -1\r\n\r\n" + NEXT,
    "no number": POST + b"Content-Length: +5\r\n\r\nabcde" + NEXT,
    "endless number": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + NEXT,
    "blank before the colon": POST + b"Content-Length : 5\r\n\r\nabcde" + NEXT,
    "chunk of no size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n" + NEXT,
    "NUL in a path": b"GET /he\0alth HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "a line in a header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\n\r\n" + NEXT,
    "bytes in a method": b"FOO\x80 / HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NEXT,
    "TLS": b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" + bytes(100) + NEXT,
    "a tunnel": b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
}


def answers(server: RunningServer, data: bytes) -> list[bytes]:
    """The status of each answer until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), timeout=60) as line:
        line.sendall(data)
        received = b""
        try:
            while data := line.recv(1 << 16):
                received += data
        except ConnectionError:
            pass
    return [part.split()[0] for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("name", TWO_READINGS)
def test_what_can_be_read_in_two_ways_is_not_read_at_all(server: RunningServer, name: str) -> None:
    """One refusal at most (the reset of the connection may overtake it), and what follows is nobody's request: a proxy
    may have seen one there, or none."""
    assert answers(server, TWO_READINGS[name]) in ([], [b"400"])


def test_a_hostile_session_leaves_no_word_in_the_log(guarded_server: RunningServer, wav: bytes) -> None:
    """Names, prompts, paths, queries and keys are others' words, some secret, and some made to look like lines."""
    bearer, url = {"authorization": f"Bearer {KEY}"}, guarded_server.url
    forged = 'SECRET-PROMPT\n{"level":"error","message":"forged"}\r\n\x1b[31m'
    with log_lines(JsonFormatter()) as log:
        files = {"file": ("SECRET-NAME.wav", wav)}
        path = f"{url}/v1/audio/transcriptions"
        httpx.post(path, headers=bearer, data={"prompt": forged, "keywords[]": forged}, files=files, timeout=60)
        for field in ("model", "language", "temperature", "response_format", "SECRET-FIELD"):
            httpx.post(path, headers=bearer, data={field: forged}, files=files, timeout=60)
        httpx.post(path, headers=bearer, files={"file": ("x", b"SECRET-BYTES" * 100)})
        httpx.post(f"{url}/v1/listen?keyterm=SECRET-TERM&callback=http://SECRET-HOST/", headers=bearer, content=b"x")
        httpx.get(f"{url}/SECRET-PATH?k={KEY}", headers=bearer | {"user-agent": forged.split("\n")[0]})
        httpx.get(f"{url}/v1/models", headers={"authorization": "Bearer SECRET-KEY"})
        httpx.get(f"{url}/v1/models", headers=bearer | {"x-request-id": 'SECRET"ID'})
        httpx.get(f"{url}/v1/models", headers=bearer | {"origin": "https://SECRET-ORIGIN", "host": "SECRET-HOST"})
        path = f"{url.replace('http', 'ws')}/v1/realtime?model=SECRET"
        with pytest.raises(InvalidStatus):
            connect(path, subprotocols=[Subprotocol("SECRET-KEY")], proxy=None)
        guarded_server.wait_for(lambda: guarded_server.service.active_requests == 0, "all is answered")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    ours = [line for line in lines if line["logger"].startswith("server")]
    assert len([line for line in ours if "route" in line]) >= 10
    text = json.dumps(ours, ensure_ascii=False)
    assert [word for word in (KEY, "SECRET", "secret", "\x1b", "forged") if word in text] == []
