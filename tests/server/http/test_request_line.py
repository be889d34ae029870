"""Paths with extra slashes, HEAD, and an application that is mounted somewhere: all lead where the plain paths lead."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.http.conftest import KEY, assert_envelope
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

MORE_SLASHES = ["{}/", "/{}", "{}//", "//{}/"]


def exchange(server: RunningServer, line: str, headers: str = "") -> bytes:
    """The whole answer to a request without a body, byte by byte: clients tidy paths up by themselves."""
    address = ("127.0.0.1", httpx.URL(server.url).port or 0)
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return answer


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tiny", "/health", "/docs", "/openapi.json", "/metrics"])
@pytest.mark.parametrize("slashes", MORE_SLASHES)
def test_extra_slashes_in_get(server: RunningServer, path: str, slashes: str) -> None:
    assert exchange(server, f"GET {slashes.format(path)}").startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("path", ["/v1//models", "/v1/models//tiny", "///v1///models///"])
def test_extra_slashes_within(server: RunningServer, path: str) -> None:
    assert exchange(server, f"GET {path}").startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("slashes", MORE_SLASHES)
def test_a_body_goes_along(guarded_server: RunningServer, wav: bytes, slashes: str) -> None:
    """Without a redirect, whatever a proxy that ends TLS says."""
    path = slashes.format("/v1/audio/transcriptions")
    headers = {"x-forwarded-proto": "https", "host": "asr.example", "authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{guarded_server.url}{path}", files={"file": ("a.wav", wav)}, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["text"]) == (200, TEXT)


def test_deepgrams_paths(server: RunningServer, wav: bytes) -> None:
    answer = httpx.post(f"{server.url}//v1/listen/?punctuate=true", content=wav, timeout=60)
    assert answer.json()["results"]["channels"][0]["alternatives"][0]["transcript"] == TEXT
    refused = httpx.post(f"{server.url}/v1/listen/", json={"url": "http://x/"}, timeout=60)
    assert "err_code" in refused.json()


@pytest.mark.parametrize("path", ["/v1/realtime/?intent=transcription", "//v1//realtime?model=x", "/v1/listen//"])
def test_web_sockets(server: RunningServer, path: str) -> None:
    with connect(server.url.replace("http", "ws", 1) + path) as session:
        session.close()


def test_slashes_of_a_name_stay(server: RunningServer) -> None:
    """A model may be a folder, and clients write its slashes as %2F."""
    assert b"model_not_found" in exchange(server, "GET /v1/models/%2Ftiny")
    assert exchange(server, "GET /v1/models//tiny").startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("path", ["/v1//audio", "/v1/audio/transcriptions/audio/transcriptions", "/v1", "//v1/"])
def test_what_is_nowhere_is_nowhere(server: RunningServer, path: str) -> None:
    assert exchange(server, f"GET {path}").startswith(b"HTTP/1.1 404 ")


def test_keys_are_asked_for_at_every_spelling(guarded_server: RunningServer) -> None:
    for path in ("//v1/models", "/v1/models/", "/health/../v1/models", "/v1//models/", "/health//x"):
        assert exchange(guarded_server, f"GET {path}").startswith(b"HTTP/1.1 401 ")
    for path in ("//health", "/ready/"):
        assert exchange(guarded_server, f"GET {path}").startswith(b"HTTP/1.1 200 OK")


def gets(server: RunningServer) -> Iterator[str]:
    yield from ("/docs", "/openapi.json")
    for path, methods in server.app.openapi()["paths"].items():
        if "get" in methods:
            yield path.replace("{name}", "tiny")


def test_head_wherever_get_is(server: RunningServer) -> None:
    """The same headers and no body."""
    paths = list(gets(server))
    assert {"/health", "/v1/models/tiny", "/docs"} <= set(paths)
    for path in paths:
        got, asked = (exchange(server, f"{verb} {path}") for verb in ("GET", "HEAD"))
        head, _, body = asked.partition(b"\r\n\r\n")
        status = "404 Not Found" if "{job_id}" in path else "200 OK"  # there are no jobs
        assert (head.partition(b"\r\n")[0], body) == (f"HTTP/1.1 {status}".encode(), b""), path
        names = [
            [line.partition(b":")[0] for line in of.partition(b"\r\n\r\n")[0].split(b"\r\n")] for of in (got, asked)
        ]
        assert names[0] == names[1], path


def test_head_of_what_cannot_be_got(server: RunningServer, guarded_server: RunningServer) -> None:
    refused = httpx.head(f"{server.url}/v1/audio/transcriptions")
    assert (refused.status_code, refused.headers["allow"], refused.content) == (405, "POST", b"")
    assert httpx.head(f"{server.url}/nowhere").status_code == 404
    assert httpx.head(f"{guarded_server.url}/v1/models").status_code == 401
    assert httpx.head(f"{guarded_server.url}/v1/models", headers={"authorization": f"Bearer {KEY}"}).status_code == 200


def test_the_connection_goes_on_after_head(server: RunningServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        assert [client.request(verb, "/health").status_code for verb in ("HEAD", "GET", "HEAD", "GET")] == [200] * 4


def test_head_is_counted_as_such(server: RunningServer) -> None:
    labels = {"endpoint": "/health", "method": "HEAD", "status": "200"}
    before = server.metric("asr_requests_total", **labels)
    httpx.head(f"{server.url}/health")
    assert server.metric("asr_requests_total", **labels) == before + 1


def test_other_methods_are_told_which_there_are(server: RunningServer) -> None:
    refused = httpx.delete(f"{server.url}/v1/models")
    assert_envelope(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


def test_behind_a_root_path(wav: bytes) -> None:
    """What a proxy took away from the front of the paths."""
    with running_server(api_keys=(KEY,)) as server:
        server.server.config.root_path = "/asr"
        bearer = {"authorization": f"Bearer {KEY}"}
        assert exchange(server, "GET /health/").startswith(b"HTTP/1.1 200 OK")
        assert exchange(server, "GET //v1/models/").startswith(b"HTTP/1.1 401 ")
        url = f"{server.url}/v1/audio/transcriptions//"
        assert httpx.post(url, files={"file": ("a", wav)}, headers=bearer, timeout=60).json()["text"] == TEXT
        assert httpx.post(f"{server.url}/v1/listen/", headers=bearer).json()["err_code"] == "EMPTY_AUDIO"
        with connect(server.url.replace("http", "ws", 1) + "/v1/listen/", additional_headers=bearer) as session:
            session.close()
