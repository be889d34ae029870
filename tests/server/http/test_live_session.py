"""Live sessions over a real WebSocket: what flows, what holds it up, and how they end."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from server.serving.websocket_server import READ_AHEAD_BYTES, WebSocketServer
from tests.server.http.live_echo import SECOND, Script, address, ended, router, session
from tests.support.scripted_server import PATIENCE, RunningServer, running_server


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(autouse=True)
def clean(script: Script, live: RunningServer) -> Iterator[None]:
    """Gates are open, and no session is left, before each test."""
    yield
    script.open()
    live.wait_for(lambda: live.metric("asr_live_active_sessions") == 0, "all sessions ended")
    script.waiting.clear()
    script.fails_at = float("inf")


@pytest.fixture(scope="module")
def live(script: Script) -> Iterator[RunningServer]:
    with live_server(script) as running:
        yield running


@contextmanager
def live_server(script: Script, **settings: Any) -> Iterator[RunningServer]:
    with running_server(transcribers=script.make, routers=[router], **settings) as running:
        try:
            yield running
        finally:
            script.open()


def wait_for_end(server: RunningServer, script: Script, how: str, before: float) -> None:
    """The session has ended like this, and nothing of it is left."""
    server.wait_for(lambda: ended(server, how) == before + 1, f"the session ends: {how}")
    server.wait_for(lambda: not script.tasks(), "no task is left")
    assert server.metric("asr_live_active_sessions") == 0


# --------------------------------------------------------------------------------------------------------- the course


def test_audio_becomes_words_until_the_client_leaves(live: RunningServer, script: Script) -> None:
    before, audio = ended(live, "client_closed"), live.metric("asr_live_audio_seconds_total")
    first_words = live.metric("asr_live_first_words_seconds_count")
    with session(live) as client:
        live.wait_for(lambda: live.metric("asr_live_active_sessions") == 1, "it is counted")
        client.connection.send(SECOND)
        assert client.hears() == {"type": "heard", "until": 1.0}
        client.do("flush")
        assert client.hears_until("flushed") == [
            {"type": "flushing"},
            {"type": "words", "text": "word"},
            {"type": "flushed", "until": 1.0},
        ]
    wait_for_end(live, script, "client_closed", before)
    assert live.metric("asr_live_audio_seconds_total") == audio + 1.0
    assert live.metric("asr_live_first_words_seconds_count") == first_words + 1


def test_a_session_that_finishes_is_closed_in_order(live: RunningServer, script: Script) -> None:
    before = ended(live, "closed")
    with session(live) as client:
        client.connection.send(SECOND + SECOND)
        client.do("finish")
        assert client.hears_until("finished")[-1] == {"type": "finished", "duration": 2.0}
        assert client.close_code() == 1000
    wait_for_end(live, script, "closed", before)


def test_nothing_follows_a_close(live: RunningServer, script: Script) -> None:
    before = ended(live, "closed")
    with session(live) as client:
        client.do("close")
        assert client.hears() == {"type": "bye"}
        with pytest.raises(ConnectionClosed):
            client.hears()
        assert (client.connection.close_code, client.connection.close_reason) == (4000, "as asked")
    wait_for_end(live, script, "closed", before)


def test_frames_keep_their_order_and_any_text(live: RunningServer) -> None:
    # A lone surrogate is legal in JSON and cannot be written in UTF-8.
    with session(live) as client:
        client.connection.send('{"do": "say", "n": 500, "text": "\\ud800 \\u00e4"}')
        said = [client.hears() for _ in range(500)]
        assert [event["number"] for event in said] == list(range(500))
        assert said[0]["text"] == "\ud800 ä"


def test_a_large_frame_is_read_beside_the_others_and_in_its_turn(live: RunningServer) -> None:
    with session(live) as client:
        client.do("tell the reader", padding="x" * 1_000_000)
        client.do("tell the reader")
        assert [client.hears() for _ in range(2)] == [
            {"type": "read", "beside": True},
            {"type": "read", "beside": False},
        ]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_flush_is_of_all_audio(live: RunningServer, rate: int) -> None:
    """What a resampler holds back belongs to it, and audio goes on at the same byte behind it."""
    with session(live) as client:
        client.do("format", rate=rate)
        client.connection.send(bytes(2 * rate - 1))
        client.do("flush")
        assert client.hears_until("flushed")[-1]["until"] == pytest.approx(1.0, abs=2 / rate)
        client.connection.send(bytes(2 * rate + 1))
        client.do("finish")
        assert client.hears_until("finished")[-1] == {"type": "finished", "duration": 2.0}


# ------------------------------------------------------------------------------------------------------- back-pressure


def test_the_socket_is_not_read_while_audio_waits(live: RunningServer, script: Script) -> None:
    seconds = 600
    script.hear_gate.clear()
    heard = script.heard
    with session(live) as client:

        def send() -> None:
            for _ in range(seconds):
                client.connection.send(SECOND)

        sender = threading.Thread(target=send)
        sender.start()
        assert script.waiting.wait(PATIENCE)
        sender.join(1.0)
        assert sender.is_alive()
        script.hear_gate.set()
        while client.hears().get("until") != seconds:
            pass
        sender.join(PATIENCE)
    assert script.heard - heard == seconds


async def test_the_socket_is_not_read_while_frames_wait(live: RunningServer) -> None:
    frames = 1000
    asking = json.dumps({"do": "say", "n": 1, "text": "x" * 50_000})
    async with asyncio.timeout(PATIENCE), connect(address(live), proxy=None, compression=None, max_queue=1) as client:

        async def ask() -> None:
            for _ in range(frames):
                await client.send(asking)

        sender = asyncio.create_task(ask())
        await asyncio.wait({sender}, timeout=1.0)
        assert not sender.done()
        assert json.loads(await client.recv())["type"] == "opened"
        for _ in range(frames):
            assert json.loads(await client.recv())["type"] == "said"
        await sender


def test_a_ping_is_answered_while_audio_waits(live: RunningServer, script: Script) -> None:
    """Clients that ping give up on a server that does not answer, and a recording may be sent all at once."""
    script.hear_gate.clear()
    with session(live) as client:
        for _ in range(100):
            client.connection.send(SECOND)
        assert client.connection.ping().wait(PATIENCE)
        script.hear_gate.set()
        while client.hears().get("until") != 100:
            pass


def test_many_small_messages_are_not_read_ahead_for_ever(live: RunningServer, script: Script) -> None:
    """They cost more than their bytes."""
    script.hear_gate.clear()
    with session(live) as client:

        def send() -> None:
            with suppress(ConnectionClosed):
                while True:
                    client.connection.send(b"12")

        sender = threading.Thread(target=send)
        sender.start()
        assert script.waiting.wait(PATIENCE)
        [protocol] = live.server.server_state.connections
        assert isinstance(protocol, WebSocketServer)
        live.wait_for(lambda: protocol.read_paused, "reading stops")
        assert protocol.queue.qsize() < 4 * READ_AHEAD_BYTES / 512
        client.connection.socket.shutdown(socket.SHUT_RDWR)
        sender.join(PATIENCE)
        script.hear_gate.set()


def test_one_slow_session_does_not_hold_up_another(live: RunningServer, script: Script) -> None:
    with session(live) as slow:
        script.hear_gate.clear()
        slow.connection.send(SECOND)
        assert script.waiting.wait(PATIENCE)
        with session(live) as other:
            other.do("say", n=1, text="here")
            assert other.hears()["text"] == "here"


# --------------------------------------------------------------------------------------------------------- early ends


@pytest.mark.parametrize("how", ["before audio", "audio waits", "words wait"])
def test_a_lost_client_leaves_nothing_behind(live: RunningServer, script: Script, how: str) -> None:
    before = ended(live, "client_closed")
    with session(live) as client:
        if how == "audio waits":
            script.hear_gate.clear()
            client.connection.send(SECOND)
            assert script.waiting.wait(PATIENCE)
        if how == "words wait":
            script.words_gate.clear()
            client.do("flush")
            assert client.hears() == {"type": "flushing"}
        client.connection.socket.shutdown(socket.SHUT_RDWR)
        script.hear_gate.set()
        wait_for_end(live, script, "client_closed", before)


def test_audio_that_waits_is_void_when_its_client_left(live: RunningServer, script: Script) -> None:
    before, heard = ended(live, "client_closed"), script.heard
    script.hear_gate.clear()
    with session(live) as client:
        for _ in range(100):
            client.connection.send(SECOND)
        assert client.connection.ping().wait(PATIENCE)
        client.connection.close()
    script.hear_gate.set()
    wait_for_end(live, script, "client_closed", before)
    assert script.heard - heard <= 2


def test_text_that_is_no_text(live: RunningServer, script: Script, caplog: pytest.LogCaptureFixture) -> None:
    before = ended(live, "client_closed")
    with session(live) as client:
        client.connection.socket.sendall(Frame(Opcode.TEXT, b"\xff").serialize(mask=True))
        assert client.close_code() == 1007
    wait_for_end(live, script, "client_closed", before)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_engine_fails(live: RunningServer, script: Script) -> None:
    before = ended(live, "engine_failed")
    script.fails_at = 2.0
    with session(live) as client:
        client.connection.send(SECOND)
        client.connection.send(SECOND)
        assert client.hears_until("ended") == [{"type": "ended", "why": "engine_failed", "message": "The worker died."}]
        assert client.close_code() == 4001
    wait_for_end(live, script, "engine_failed", before)


def test_a_fault_of_the_server_tells_nothing(live: RunningServer, script: Script) -> None:
    before = ended(live, "engine_failed")
    with session(live) as client:
        client.do("something unheard of")
        end = client.hears()
        assert end["why"] == "engine_failed"
        assert "secret" not in end["message"]
    wait_for_end(live, script, "engine_failed", before)


def test_damaged_audio_ends_the_session_after_its_words(live: RunningServer, script: Script) -> None:
    before = ended(live, "bad_audio")
    with session(live) as client:
        client.connection.send(SECOND)
        client.do("container")
        client.connection.send(b"no container" * 1000)
        client.do("finish")
        told = client.hears_until("ended")
        assert [event["type"] for event in told] == ["words", "flushed", "ended"]
        assert told[-1]["why"] == "bad_audio"
        assert client.close_code() == 4001
    wait_for_end(live, script, "bad_audio", before)


def test_too_large_a_message(live: RunningServer, script: Script) -> None:
    before = ended(live, "client_closed")
    with session(live) as client:
        client.connection.send(bytes(21 * 1024 * 1024))
        client.do("say", n=1, text="that was not too large")
        assert client.hears_until("said")
        client.connection.send(bytes(21 * 1024 * 1024 + 1))
        assert client.close_code() == 1009
    wait_for_end(live, script, "client_closed", before)


# -------------------------------------------------------------------------------------------------------------- limits


def test_an_idle_session_ends(script: Script) -> None:
    with live_server(script, live_idle_seconds=2.0) as server, session(server) as client:
        client.connection.send(SECOND)
        told = client.hears_until("ended")
        assert [event["type"] for event in told] == ["words", "flushed", "ended"]
        assert told[-1]["why"] == "idle"
        assert client.close_code() == 4001
        wait_for_end(server, script, "idle", 0)


def test_a_client_that_waits_for_words_is_not_idle(script: Script) -> None:
    with live_server(script, live_idle_seconds=2.0) as server, session(server) as client:
        script.words_gate.clear()
        script.one_by_one = True
        for _ in range(2):
            client.do("flush")
            assert client.hears() == {"type": "flushing"}
        for _ in range(2):
            with pytest.raises(TimeoutError):
                client.connection.recv(timeout=3.0)
            script.words_gate.set()
            assert [event["type"] for event in client.hears_until("flushed")] == ["words", "flushed"]
        client.do("say", n=1, text="still there")
        assert client.hears()["text"] == "still there"


def test_the_longest_session(script: Script) -> None:
    with live_server(script, live_max_seconds=2.0) as server, session(server) as client:
        client.connection.send(SECOND)
        told = client.hears_until("ended")
        assert [event["type"] for event in told] == ["words", "flushed", "ended"]
        assert told[-1]["why"] == "too_long"
        wait_for_end(server, script, "too_long", 0)


def test_a_client_that_reads_nothing_is_cut_off(script: Script) -> None:
    with live_server(script, live_send_seconds=0.3) as server, session(server, max_queue=1) as client:
        client.do("say", n=400, text="x" * 100_000)
        wait_for_end(server, script, "too_slow", 0)
        server.wait_for(lambda: server.connections == 0, "nobody waits for the client")
        assert client.close_code() == 1006


# ------------------------------------------------------------------------------------------------------------ stopping


def test_a_stopping_server_lets_sessions_have_their_words(script: Script) -> None:
    with live_server(script, drain_seconds=1.0) as server, session(server) as client:
        client.connection.send(SECOND)
        assert client.hears()["type"] == "heard"
        server.stop()
        told = client.hears_until("ended")
        assert [event["type"] for event in told] == ["words", "flushed", "ended"]
        assert told[-1]["why"] == "shutting_down"
        assert client.close_code() == 4001


def test_a_session_that_finishes_anyway_is_not_disturbed(script: Script) -> None:
    with live_server(script) as server, session(server) as client:
        script.words_gate.clear()
        client.connection.send(SECOND)
        client.do("finish")
        assert client.hears()["type"] == "heard"
        server.stop()
        server.wait_for(lambda: server.service.refusing, "it drains")
        script.words_gate.set()
        assert [event["type"] for event in client.hears_until("finished")] == ["words", "finished"]
        assert client.close_code() == 1000


def test_the_end_of_the_drain_time_is_told(script: Script) -> None:
    with live_server(script, drain_seconds=0.3) as server, session(server) as client:
        script.words_gate.clear()
        client.connection.send(SECOND)
        assert client.hears()["type"] == "heard"
        server.stop()
        end = client.hears()
        assert (end["type"], end["why"]) == ("ended", "shutting_down")
        assert client.close_code() == 4001
