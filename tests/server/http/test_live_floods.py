"""Clients that send very many small messages, or take nothing: they hold up nobody else, and nothing piles up."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from server.serving.websocket_server import WebSocketServer
from tests.server.http.live_echo import PATH, Script, router
from tests.support.loop_watch import LoopWatch
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
PINGS = 80_000
"""Whose answers are more than the system holds for a client that takes none."""
PING_BYTES = 125
MESSAGES = (1 << 18) // 6
"""That one read holds."""
SHARE = 0.5


@pytest.fixture(scope="module")
def watch() -> LoopWatch:
    return LoopWatch()


@pytest.fixture(scope="module")
def live(watch: LoopWatch) -> Iterator[RunningServer]:
    with running_server(transcribers=Script().make, routers=[router, watch.router]) as running:
        yield running


@contextmanager
def client_of(server: RunningServer) -> Iterator[socket.socket]:
    """A socket with little room for what comes, behind its handshake."""
    place = urlsplit(server.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        client.settimeout(PATIENCE)
        client.connect((place.hostname, place.port))
        client.sendall(HANDSHAKE)
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        yield client


def frame(opcode: Opcode, data: bytes) -> bytes:
    return Frame(opcode, data).serialize(mask=True)


def ping(number: int) -> bytes:
    return frame(Opcode.PING, struct.pack("!I", number).ljust(PING_BYTES, b" "))


def test_who_takes_no_answers_is_owed_the_last_one_alone(live: RunningServer) -> None:
    answer = Frame(Opcode.PONG, struct.pack("!I", PINGS - 1).ljust(PING_BYTES, b" ")).serialize(mask=False)
    with client_of(live) as client:
        client.sendall(b"".join(map(ping, range(PINGS))))
        received = bytearray()
        while not received.endswith(answer):
            received += client.recv(1 << 16)
        assert len(received) < PINGS * len(answer) * 0.9, "all of them were kept"
        client.sendall(ping(PINGS))
        assert client.recv(1 << 16)[2:6] == struct.pack("!I", PINGS)


def test_many_small_messages_are_not_taken_in_one_turn(live: RunningServer, watch: LoopWatch) -> None:
    messages = frame(Opcode.BINARY, b"") * MESSAGES
    last = frame(Opcode.TEXT, b'{"do": "close"}')

    def send() -> None:
        with client_of(live) as client:
            [connection] = connections(live)
            # As one read: a socket may give less at once.
            connection.loop.call_soon_threadsafe(connection.data_received, messages + last)
            while client.recv(1 << 16):
                pass

    one_read = min(parsing(messages) for _ in range(3))
    assert any(watch.longest_turn(live.url, send) < SHARE * one_read for _ in range(3))


def test_a_message_in_very_many_parts_is_kept_as_its_bytes(live: RunningServer) -> None:
    text = b'{"do": "say", "n": 1, "text": "whole"}'
    empty = Frame(Opcode.CONT, b"", fin=False).serialize(mask=True)
    parts = [Frame(Opcode.CONT, bytes([byte]), fin=False).serialize(mask=True) for byte in text[1:]]
    with client_of(live) as client:
        client.sendall(Frame(Opcode.TEXT, text[:1], fin=False).serialize(mask=True) + empty * 1_000 + b"".join(parts))
        live.wait_for(lambda: text in map(b"".join, parts_held(live)), "all parts have come")
        assert max(map(len, parts_held(live))) == 1
        client.sendall(Frame(Opcode.CONT, b"").serialize(mask=True))
        received = b""
        while b"whole" not in received:
            received += client.recv(1 << 16)


def parts_held(server: RunningServer) -> list[list[bytes]]:
    """By connection, of messages that have not ended."""
    return [each.frames for each in connections(server)]


def connections(server: RunningServer) -> list[WebSocketServer]:
    return [each for each in server.server.server_state.connections if isinstance(each, WebSocketServer)]


def parsing(messages: bytes) -> float:
    """Processor seconds that it takes to parse them in one go, without anything being done about them."""
    protocol = ServerProtocol()
    protocol.receive_data(HANDSHAKE)
    [request] = protocol.events_received()
    protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
    began = time.thread_time()
    protocol.receive_data(messages)
    return time.thread_time() - began
