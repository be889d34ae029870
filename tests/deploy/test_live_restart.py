"""Both replicas behind the shipped balancer are restarted, one after the other, while people speak."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.balancer import Balancer
from tests.server.http.test_live_handover import PATHS, SECOND, expected, words
from tests.support.counting import load_client
from tests.support.processes import ServerProcess, wait_until

REPLICAS = ("replica-1", "replica-2")
FLAGS = ("--resume-secret", "shared by both replicas", "--drain-notice-seconds", "3", "--drain-seconds", "2")
SESSIONS = 3
"""Of each protocol."""
PATIENCE = 120.0


class CountingProcess(ServerProcess):
    """Live sessions hear a word in every second, and nothing has to be loaded."""

    def __init__(self, *flags: str, log: Path) -> None:
        super().__init__(*flags, log=log)
        module = ("-m", "tests.support.counting_process")
        self._command = [sys.executable, *module, "--model", "tiny", "--port", str(self.port), *flags]


@pytest.fixture
def servers(haproxy: str, tmp_path: Path) -> Iterator[dict[str, ServerProcess]]:
    with ExitStack() as stack:
        servers: dict[str, ServerProcess] = {
            name: stack.enter_context(CountingProcess(*FLAGS, log=tmp_path / f"{name}.log")) for name in REPLICAS
        }
        for server in servers.values():
            server.wait_ready()
        yield servers


class Talk:
    """One session, fed until it is told to end."""

    def __init__(self, url: str, kind: str) -> None:
        turns_off = {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}}
        first = (turns_off,) if kind == "realtime" else ()
        self.kind = kind
        self.seconds = 0
        self.client: Any = load_client().ResumingClient(url + PATHS[kind], 48_000, first=first, wait=0.1)

    def _completed(self) -> bool:
        return any(message["type"].endswith(".completed") for message in self.client.messages)

    async def run(self, stop: asyncio.Event) -> None:
        done = asyncio.Event()
        running = asyncio.create_task(self.client.run(done))
        while not stop.is_set():
            self.client.send(SECOND)
            self.seconds += 1
            await asyncio.sleep(0.25)
        realtime = self.kind == "realtime"
        self.client.finish({"type": "input_audio_buffer.commit" if realtime else "CloseStream"})
        if realtime:
            await asyncio.to_thread(wait_until, self._completed, "the last item is completed", PATIENCE)
            done.set()
        await running


async def test_no_committed_word_is_lost_or_doubled(
    haproxy: str, servers: dict[str, ServerProcess], tmp_path: Path
) -> None:
    stop = asyncio.Event()
    with Balancer(haproxy, [servers[name].port for name in REPLICAS], tmp_path) as balancer:
        url = balancer.url.replace("http", "ws", 1)
        talks = [Talk(url, kind) for kind in PATHS for _ in range(SESSIONS)]
        async with asyncio.timeout(2 * PATIENCE), asyncio.TaskGroup() as group:
            for talk in talks:
                group.create_task(talk.run(stop))
            for name in REPLICAS:
                await asyncio.to_thread(balancer.wait_up, name, up=True)
                servers[name].terminate()
                assert await asyncio.to_thread(servers[name].wait, PATIENCE) == 0
                servers[name].start()
                await asyncio.to_thread(servers[name].wait_ready)
            stop.set()

    assert {talk.kind for talk in talks if talk.client.connections > 1} == set(PATHS)
    assert sum(talk.client.connections - 1 for talk in talks) >= len(talks), "each was on a replica that stopped"
    for talk in talks:
        assert words(talk.client.messages) == expected(talk.seconds), talk.kind
