"""Sessions of no sense over real sockets: whatever they did, nothing of them is left, and others are served."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from server.engine.client.engine import Engine
from server.live.live_transcriber import make_transcriber
from server.live.settings import LiveSettings
from server.live.vocabulary.transcriber import Transcriber
from server.transcript.detokenizer import Vocabulary
from tests.server.http.live_echo import address, tasks_on
from tests.server.http.live_fuzz import misbehave, speech
from tests.support.processes import open_descriptors
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

SESSIONS, AT_ONCE = 240, 12
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Loops:
    """Makes the real transcribers, and remembers on which loop."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def make(self, engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str) -> Transcriber:
        self.loop = asyncio.get_running_loop()
        return make_transcriber(engine, vocabulary, settings, request_id)


@pytest.fixture(scope="module")
def loops() -> Loops:
    return Loops()


@pytest.fixture(scope="module")
def server(loops: Loops) -> Iterator[RunningServer]:
    """Impatient, so that sessions which are left alone end soon."""
    with running_server(
        transcribers=loops.make, live_idle_seconds=0.5, live_send_seconds=0.5, live_max_seconds=20.0
    ) as running:
        yield running


def children() -> set[str]:
    """Processes that this one started and has not waited for."""
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def check_good_sessions(server: RunningServer) -> None:
    """All protocols caption a recording."""
    with connect(address(server, "/v1/realtime"), proxy=None, open_timeout=60) as socket:
        event = {"type": "input_audio_buffer.append", "audio": b64encode(speech()[:96_000]).decode()}
        socket.send(json.dumps(event))
        socket.send('{"type": "input_audio_buffer.commit"}')
        assert received(socket, f"{TRANSCRIPTION}.completed")["transcript"]
    with connect(
        address(server, "/v1/listen?encoding=linear16&sample_rate=24000"), proxy=None, open_timeout=60
    ) as socket:
        socket.send(speech()[:96_000])
        socket.send('{"type": "CloseStream"}')
        assert received(socket, "Results")["channel"]["alternatives"][0]["transcript"]
        assert received(socket, "Metadata")["duration"] == 2.0
    with connect(
        address(server, "/v2/listen?encoding=linear16&sample_rate=24000"), proxy=None, open_timeout=60
    ) as socket:
        socket.send(speech()[:96_000])
        socket.send('{"type": "CloseStream"}')
        while (info := received(socket, "TurnInfo"))["event"] != "EndOfTurn":
            pass
        assert info["transcript"]


def received(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The first message of this type."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE))
        if message["type"] == kind:
            return message


def test_no_client_leaves_anything_behind(
    server: RunningServer, loops: Loops, caplog: pytest.LogCaptureFixture
) -> None:
    check_good_sessions(server)
    wait_until_nothing_is_left(server, loops)
    files, processes = len(open_descriptors()), children()
    with caplog.at_level(logging.WARNING):
        asyncio.run(crowd(server))
        wait_until_nothing_is_left(server, loops)
    ours = [record for record in caplog.records if record.name.partition(".")[0] != "websockets"]
    assert not [record.getMessage() for record in ours]
    assert children() == processes
    assert len(open_descriptors()) <= files
    assert server.service.engine.restarts == 0
    check_good_sessions(server)


async def crowd(server: RunningServer) -> None:
    seeds = iter(range(SESSIONS))

    async def one_after_the_other() -> None:
        for seed in seeds:
            try:
                async with asyncio.timeout(PATIENCE):
                    await misbehave(address(server, ""), seed)
            except Exception as error:
                raise AssertionError(f"seed {seed}") from error

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other())


def wait_until_nothing_is_left(server: RunningServer, loops: Loops) -> None:
    def idle() -> bool:
        stats, service = server.service.engine.stats, server.service
        busy = service.live.active or service.active_requests or server.connections
        return not busy and stats is not None and not (stats.running or stats.waiting or stats.pages_used)

    server.wait_for(idle, "sessions, connections, streams and pages are gone")
    assert loops.loop is not None
    loop = loops.loop
    server.wait_for(lambda: not tasks_on(loop), "no task is left")
