"""Pages of other sites, in the browser of somebody who reaches the server, cannot use it; what browsers are told."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from server.http.hosts import AllowedHosts
from server.http.origins import AllowedOrigins
from server.settings import Settings
from tests.server.http.conftest import KEY, assert_envelope
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

TRANSCRIPTIONS = "/v1/audio/transcriptions"
EVIL = "https://evil.example"

# --------------------------------------------------------------------------------------------------------------- names


def allowed(host: str, *named: str, bound: str = "127.0.0.1", keyed: bool = False) -> bool:
    return AllowedHosts(named, bound=bound, keyed=keyed).allow(host)


OWN = [
    "localhost",
    "LocalHost:8000",
    "app.localhost:80",
    "127.0.0.1:8000",
    "127.9.9.9",
    "[::1]:8000",
    "[::1]",
    "localhost.",
]
ADDRESSES = ["10.1.2.3:8000", "192.168.0.7", "[fe80::1]:8000", "8.8.8.8"]
OF_A_NETWORK = ["balancer", "replica-1:8000", "asr.speech.svc.cluster.local:8000", "gpu.internal", "box.home.arpa"]
STRANGERS = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "evil.com."]
BROKEN = ["", "a b", "localhost@evil.example", "localhost/", "[::1", "localhost:x", "evil.example,localhost", "\xe4"]


def test_a_server_of_one_machine_answers_to_its_names_and_to_addresses() -> None:
    assert [host for host in OWN + ADDRESSES if not allowed(host)] == []
    assert [host for host in OF_A_NETWORK + STRANGERS + BROKEN if allowed(host)] == []


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "10.0.0.5", "asr.example.com"])
def test_a_server_of_a_network_answers_to_names_of_that_network_too(bound: str) -> None:
    assert [host for host in OWN + ADDRESSES + OF_A_NETWORK if not allowed(host, bound=bound)] == []
    assert [host for host in STRANGERS + BROKEN if allowed(host, bound=bound)] == []
    assert allowed("asr.example.com:8000", bound=bound) == (bound == "asr.example.com")


def test_names_that_were_given() -> None:
    named = ("Asr.example.com", "*.speech.example")
    assert all(
        allowed(host, *named) for host in ["asr.example.com", "a.speech.example:443", "b.c.speech.example", *OWN]
    )
    assert not any(
        allowed(host, *named) for host in ["b.asr.example.com", "speech.example", "xspeech.example", *STRANGERS]
    )
    assert all(allowed(host, "*") for host in STRANGERS)


def test_where_keys_are_needed_any_name_will_do_unless_some_were_given() -> None:
    assert all(allowed(host, keyed=True) for host in STRANGERS + OF_A_NETWORK)
    assert not any(allowed(host, "asr.example.com", keyed=True) for host in STRANGERS)


def test_names_are_set_as_a_list() -> None:
    assert Settings(allowed_hosts="a.example, *.b.example").allowed_hosts == ("a.example", "*.b.example")


def test_a_name_that_leads_here_by_a_trick_gets_nothing(server: RunningServer, wav: bytes) -> None:
    """All of what a page has that was loaded under it: the same origin as the server, by its name."""
    rebound = {"host": "evil.example", "origin": "http://evil.example", "sec-fetch-site": "same-origin"}
    before = server.metric("asr_rejections_total", reason="host_not_allowed")
    for path in ("/v1/models", "/metrics", "/docs", "/openapi.json", "/nowhere"):
        assert_envelope(httpx.get(server.url + path, headers=rebound), 421, "host_not_allowed")
    answer = httpx.post(server.url + TRANSCRIPTIONS, headers=rebound, files={"file": wav})
    assert "--allowed-hosts" in str(assert_envelope(answer, 421, "host_not_allowed")["message"])
    assert httpx.post(f"{server.url}/v1/listen", headers=rebound, content=wav).json()["err_code"] == "HOST_NOT_ALLOWED"
    assert server.metric("asr_rejections_total", reason="host_not_allowed") == before + 7


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_may_call_a_server_what_they_like(server: RunningServer, path: str) -> None:
    assert httpx.get(server.url + path, headers={"host": "balancer.example"}).status_code == 200


def test_health_tells_which_version_this_is(server: RunningServer) -> None:
    described = httpx.get(f"{server.url}/openapi.json").json()["info"]["version"]
    assert httpx.get(f"{server.url}/health").json() == {"status": "ready", "version": described}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v1/models HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET /v1/models HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"400"),
        (b"GET /v1/models HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n", b"200"),
    ],
)
def test_a_request_has_one_name_for_its_server(server: RunningServer, head: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), timeout=60) as connection:
        connection.sendall(head)
        assert connection.makefile("rb").read().split()[1] == status


# -------------------------------------------------------------------------------------------------------------- origins

SAME, CROSS = {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "cross-site"}


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({}, True),  # no browser
        ({"origin": "http://here:8000"}, True),
        ({"origin": "https://here:8000"}, True),  # TLS ends before the server
        ({"origin": "http://here"}, False),
        ({"origin": EVIL}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://app.example"}, True),
        ({"origin": "https://app.example"} | CROSS, True),
        ({"origin": "https://app.example.evil.example"}, False),
        ({"origin": "https://public.example"} | SAME, True),  # a proxy on the way changed the name
        ({"origin": "http://here:8000"} | CROSS, False),
        ({"sec-fetch-site": "none"}, True),
        (CROSS, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "nonsense"}, False),
    ],
)
def test_which_pages_may_call(headers: Mapping[str, str], may: bool) -> None:
    assert AllowedOrigins(["https://app.example"]).allow(Headers({"host": "here:8000"} | dict(headers))) is may
    assert AllowedOrigins(["*"]).allow(Headers(headers))


@pytest.mark.parametrize(
    "headers", [{"origin": EVIL}, {"origin": "null"}, CROSS | {"origin": EVIL, "sec-fetch-mode": "no-cors"}, CROSS]
)
def test_forms_of_other_pages_are_refused(server: RunningServer, wav: bytes, headers: dict[str, str]) -> None:
    """They need nobody's permission to be sent, and cost as much as any other request."""
    for path in (TRANSCRIPTIONS, "/v1/realtime/client_secrets", "/v1/audio/diarization"):
        answer = httpx.post(server.url + path, headers=headers, files={"file": wav})
        assert_envelope(answer, 403, "origin_not_allowed")
    answer = httpx.post(f"{server.url}/v1/listen", headers=headers, content=wav)
    assert (answer.status_code, answer.json()["err_code"]) == (403, "ORIGIN_NOT_ALLOWED")


def test_forms_of_its_own_pages_are_answered(server: RunningServer, wav: bytes) -> None:
    for headers in ({"origin": server.url}, {"origin": server.url} | SAME, {}):
        answer = httpx.post(server.url + TRANSCRIPTIONS, headers=headers, files={"file": wav}, timeout=60)
        assert answer.json()["text"] == TEXT


def knock(server: RunningServer, path: str, **options: Any) -> int:
    """The status of a handshake."""
    try:
        with connect(server.url.replace("http", "ws") + path, proxy=None, **options):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


PATHS = [
    "/v1/realtime",
    "/v1/listen?encoding=linear16&sample_rate=8000",
    "/v2/listen?encoding=linear16&sample_rate=16000",
]


@pytest.mark.parametrize("path", PATHS)
def test_sockets_of_other_pages_are_refused(server: RunningServer, path: str) -> None:
    assert [knock(server, path, origin=origin) for origin in (EVIL, "null", "file://")] == [403] * 3
    port = httpx.URL(server.url).port
    with socket.create_connection(("127.0.0.1", port or 0)) as line:
        rebound = f"ws://evil.example:{port}{path}"
        with pytest.raises(InvalidStatus) as caught:
            connect(rebound, sock=line, origin=Origin(f"http://evil.example:{port}"))
    assert caught.value.response.status_code == 421
    assert [knock(server, path, origin=origin) for origin in (None, server.url)] == [101] * 2


def test_who_has_a_key_may_be_a_page_of_anywhere(guarded_server: RunningServer, wav: bytes) -> None:
    """No browser adds a key by itself. Where origins were named, others may not even with one."""
    bearer = {"authorization": f"Bearer {KEY}"}
    with running_server(api_keys=(KEY,)) as keyed:
        assert knock(keyed, PATHS[0], origin=EVIL, additional_headers=bearer) == 101
        headers = bearer | {"origin": EVIL, "host": "asr.example.com"}
        assert (
            httpx.post(keyed.url + TRANSCRIPTIONS, headers=headers, files={"file": wav}, timeout=60).status_code == 200
        )
    assert knock(guarded_server, PATHS[0], origin=EVIL, additional_headers=bearer) == 403
    assert knock(guarded_server, PATHS[0], origin="https://app.example", additional_headers=bearer) == 101


# ----------------------------------------------------------------------------------------------- what browsers are told


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/models", {"authorization": f"Bearer {KEY}"}, 200),
        ("GET", "/v1/models", {}, 401),
        ("GET", "/health", {}, 200),
        ("GET", "/nowhere", {"authorization": f"Bearer {KEY}"}, 404),
        ("DELETE", "/v1/models", {"authorization": f"Bearer {KEY}"}, 405),
        ("GET", "/openapi.json", {}, 200),
        ("GET", "/docs/start.js", {}, 200),
        ("OPTIONS", TRANSCRIPTIONS, {"origin": "https://app.example", "access-control-request-method": "POST"}, 200),
    ],
)
def test_no_answer_can_be_taken_for_a_page(
    guarded_server: RunningServer, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = httpx.request(method, guarded_server.url + path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "strict-transport-security" not in answer.headers  # RFC 6797 7.2


def test_the_one_page_has_a_policy_of_its_own(guarded_server: RunningServer) -> None:
    (policy,) = httpx.get(f"{guarded_server.url}/docs").headers.get_list("content-security-policy")
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_nothing_that_is_served_makes_a_browser_call_another_host(server: RunningServer) -> None:
    """Links that a person may follow are text; what loads by itself are sources, imports and servers of the API."""
    page = httpx.get(f"{server.url}/docs").text
    named = [name for name in re.findall(r'(?:src|href|data-[\w-]+)="([^"]*)"', page) if not name.startswith("data:")]
    assert named
    assert all(name.startswith("/") and not name.startswith("//") for name in named)
    for name in named:
        answer = httpx.get(server.url + name)
        text = answer.text
        assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", text), name
        if answer.headers["content-type"].startswith("application/json"):
            assert "servers" not in json.loads(text)
