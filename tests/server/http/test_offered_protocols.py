"""A client that offers another protocol with its request, as Java's own does with each, is answered in this one."""

from __future__ import annotations

import socket

import pytest

from server.serving.heads import MAX_HEADERS
from tests.server.http.test_disconnects import connection, request
from tests.server.http.test_half_closed import answer_to, chunked
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
PROBE = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
HANDSHAKE = (
    b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def offering(whole: bytes, offer: bytes = H2C) -> bytes:
    """The request ``whole`` with the offer."""
    line, end, rest = whole.partition(b"\r\n")
    return line + end + offer + rest


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("offer", [H2C, b"Upgrade: websocket, h2c\r\nConnection: keep-alive, upgrade\r\n"])
def test_the_body_is_read(server: RunningServer, wav: bytes, with_length: bool, offer: bytes) -> None:
    whole = request(wav) if with_length else chunked(request(wav))
    answer = answer_to(server, offering(whole, offer))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1") == 1
    assert TEXT.encode() in answer


def test_each_request_of_a_connection_may_offer_it(server: RunningServer, wav: bytes) -> None:
    answer = answer_to(server, offering(PROBE) + offering(request(wav)) + PROBE + offering(PROBE))
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.count(TEXT.encode()) == 1


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_it_may_come_in_pieces(server: RunningServer, step: int) -> None:
    whole = offering(PROBE) + offering(PROBE)
    with connection(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), step):
            client.sendall(whole[at : at + step])
        client.shutdown(socket.SHUT_WR)
        received = b""
        while data := client.recv(65536):
            received += data
    assert received.count(b"HTTP/1.1 200 OK") == 2


def test_a_handshake_behind_it(server: RunningServer) -> None:
    """What is offered and spoken here is taken."""
    with connection(server) as client:
        client.sendall(offering(PROBE))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
        client.sendall(HANDSHAKE)
        assert client.recv(65536).startswith(b"HTTP/1.1 101")


def test_limits_hold_all_the_same(server: RunningServer) -> None:
    many = b"".join(b"X-%d: a\r\n" % number for number in range(MAX_HEADERS))
    assert answer_to(server, offering(PROBE, H2C + many)).startswith(b"HTTP/1.1 431")


def test_what_leads_elsewhere_is_refused(server: RunningServer) -> None:
    assert answer_to(server, b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert answer_to(server, b"CONNECT /health HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 405")
