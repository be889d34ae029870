"""What comes before a request is limited, whoever sends it: heads in size and time, and connections in number."""

from __future__ import annotations

import json
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from server.serving.heads import MAX_HEADERS
from server.serving.server import most_connections
from tests.server.http.test_disconnects import connection, request
from tests.server.http.test_slow_uploads import answered
from tests.support.processes import ROOT, wait_until
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import TEXT

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
UPGRADE = (
    b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
LIMIT = 8_000


@pytest.fixture(scope="module")
def strict() -> Iterator[RunningServer]:
    """Short heads, in half a second; with keys, to see that they are not looked at."""
    with running_server(max_header_bytes=LIMIT, header_seconds=0.5, api_keys=("sk-test",)) as running:
        yield running


def said(answer: bytes) -> tuple[int, dict[str, object]]:
    """Status and body of the only answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"x-request-id: " in head
    assert int(re.findall(rb"content-length: (\d+)", head)[0]) == len(body)
    return int(head[9:12]), json.loads(body)


LARGE = {
    "one header": GET + b"X: " + b"a" * LIMIT + b"\r\n\r\n",
    "many headers": GET + b"".join(b"X-%d: a\r\n" % number for number in range(MAX_HEADERS)) + b"\r\n",
    "the path": b"GET /" + b"a" * LIMIT + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "headers without an end": GET + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 4_000) for number in range(100)),
    "a header without an end": GET + b"X: " + b"a" * 3_000_000,
    "a handshake": UPGRADE + b"X: " + b"a" * LIMIT + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", LARGE.values(), ids=LARGE)
def test_heads_that_are_too_large(strict: RunningServer, sent: bytes) -> None:
    refused = strict.metric("asr_rejections_total", reason="header_too_large")
    with connection(strict) as client:
        client.sendall(sent)
        status, body = said(answered(client))
    assert (status, body["error"]["code"]) == (431, "header_too_large")  # type: ignore[index]
    assert strict.metric("asr_rejections_total", reason="header_too_large") == refused + 1


def test_deepgrams_paths_have_deepgrams_shape(strict: RunningServer) -> None:
    with connection(strict) as client:
        client.sendall(b"POST /v1/listen?keyterm=" + b"a" * LIMIT + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status, body = said(answered(client))
    assert (status, body["err_code"]) == (431, "HEADER_TOO_LARGE")


@pytest.mark.parametrize("head", [GET, UPGRADE])
def test_heads_that_are_just_short_enough(strict: RunningServer, head: bytes) -> None:
    filling = b"X: " + b"a" * (LIMIT - len(head) - 20) + b"\r\n\r\n"
    with connection(strict) as client:
        client.sendall(head + filling)
        assert client.recv(12) == (b"HTTP/1.1 200" if head is GET else b"HTTP/1.1 401")


def test_what_a_body_holds_is_no_head(strict: RunningServer, wav: bytes) -> None:
    """Nor is what comes in the same packets as the heads before and behind it."""
    keyed = request(wav).replace(b"Content-Type:", b"Authorization: Bearer sk-test\r\nContent-Type:", 1)
    assert len(keyed) > 10 * LIMIT
    with connection(strict) as client:
        client.sendall(keyed + keyed + GET + b"Connection: close\r\n\r\n")
        answer = answered(client)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(TEXT.encode()) == 2


def test_a_head_that_does_not_come_to_its_end(strict: RunningServer) -> None:
    with connection(strict) as client:
        client.sendall(GET + b"X-A: ")
        status, body = said(answered(client))
    assert (status, body["error"]["code"]) == (408, "header_too_slow")  # type: ignore[index]
    assert strict.metric("asr_rejections_total", reason="header_too_slow") >= 1


def test_drops_do_not_make_it_longer(strict: RunningServer) -> None:
    with connection(strict) as client:
        client.settimeout(0.1)
        received = b""
        for _ in range(600):
            try:
                client.sendall(b"G" if not received else b"")
                received = client.recv(65536)
                break
            except TimeoutError:
                continue
            except OSError:
                break
    assert received[9:12] in (b"400", b"408"), "GGGG... is no method either"


def test_a_second_head_has_no_more_time(strict: RunningServer) -> None:
    with connection(strict) as client:
        client.sendall(GET + b"\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
        client.sendall(GET)
        assert said(answered(client))[0] == 408


def test_a_second_head_that_began_behind_the_first_request(strict: RunningServer) -> None:
    """Its time begins when the answer to the first has ended."""
    with connection(strict) as client:
        client.sendall(GET + b"\r\n" + GET)
        first, found, second = answered(client).partition(b"HTTP/1.1 408")
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert said(found + second)[0] == 408


def test_idle_connections_are_closed_without_a_word(strict: RunningServer) -> None:
    with connection(strict) as client:
        assert answered(client) == b""


def test_what_is_no_http_is_told_in_shape(strict: RunningServer) -> None:
    with connection(strict) as client:
        client.sendall(b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" + bytes(100))
        status, body = said(answered(client))
    assert (status, body["error"]["code"]) == (400, "invalid_request")  # type: ignore[index]


@pytest.mark.parametrize(("descriptors", "most"), [(20_000, 6_624), (1_024, 298), (64, 12), (0, 12)])
def test_there_are_no_more_connections_than_can_be_served(descriptors: int, most: int) -> None:
    assert most_connections(descriptors, 4) == most


def test_few_descriptors(tmp_path: Path, wav: bytes) -> None:
    """Refused in shape or late, never a fault; and all works again afterwards."""
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.scripted_process", "0", "--model", "tiny", "--port", "0"],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, 64)),
        )
    try:
        wait_until(lambda: b"is ready: http" in log.read_bytes(), "the server is ready", PATIENCE)
        port = int(re.findall(rb"is ready: http://127.0.0.1:(\d+)", log.read_bytes())[0])
        url = f"http://127.0.0.1:{port}"
        with ExitStack() as stack:
            held = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 60)) for _ in range(60)]
            status, body = said(answered(held[12]))
            assert (status, body["error"]["code"]) == (503, "too_many_connections")  # type: ignore[index]
        wait_until(lambda: httpx.get(f"{url}/ready", timeout=60).is_success, "there is room again", PATIENCE)
        answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": wav}, timeout=60)
        assert answer.json()["text"] == TEXT
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert b"Traceback" not in log.read_bytes()
