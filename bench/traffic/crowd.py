"""A crowd of clients in loops: each sends its next request when the last has ended."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import httpx

from bench.traffic.files import PATIENCE, Client, FileClients, decoded, recordings
from bench.traffic.live import LiveClients
from bench.traffic.outcome import Outcome, Verdict

_LONGEST_WAIT = 5.0
"""Seconds that a refused client waits at most before it tries again, whatever it was told."""
_PAUSES = {"damaged": 1.0}
"""Seconds between two requests of a client whose answers take no time."""
MIXED = {"upload": 4, "stream": 3, "damaged": 1, "leaver": 2, "live leaver": 1, "realtime": 2, "deepgram": 2}
"""Clients of each kind, as they meet on a server in use."""


class Crowd:
    """Clients at work.

    Attributes:
        outcomes: of the requests that have ended, in that order.
    """

    def __init__(self, kinds: Mapping[str, Client], counts: Mapping[str, int], seed: int) -> None:
        self.outcomes: list[Outcome] = []
        self._kinds = kinds
        self._counts = counts
        self._seed = seed
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`, and until the last request has ended."""
        async with asyncio.TaskGroup() as tasks:
            for kind, count in self._counts.items():
                for number in range(count):
                    tasks.create_task(self._loop(self._kinds[kind], random.Random(f"{self._seed}/{kind}/{number}")))

    def stop(self) -> None:
        """No client begins another request."""
        self._stopping.set()

    async def _loop(self, client: Client, chance: random.Random) -> None:
        while not self._stopping.is_set():
            outcome = await client(chance)
            self.outcomes.append(outcome)
            await self._wait(_PAUSES.get(outcome.kind, 0.0))
            if outcome.verdict is Verdict.REFUSED:
                await self._wait(min(outcome.retry_after or 1.0, _LONGEST_WAIT))
            elif outcome.verdict is Verdict.FAILED:
                await self._wait(0.5)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


@asynccontextmanager
async def crowd(base: str, counts: Mapping[str, int] = MIXED, *, seed: int = 0) -> AsyncIterator[Crowd]:
    """``counts`` clients of each kind on the server at ``base``; at the end each finishes what it has begun.

    What an undisturbed server answers is learned before the first of them starts.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    # Without verify=False a client begins with reading all certificate authorities, plain HTTP or not.
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE, limits=limits, verify=False) as http:
        files = FileClients(http, recordings())
        await files.learn()
        live = LiveClients(base, [decoded(clip) for clip, text in files.expected.items() if text])
        kinds: dict[str, Client] = {
            "upload": files.upload,
            "stream": files.stream,
            "damaged": files.damaged,
            "leaver": files.leaver,
            "live leaver": live.leaver,
            "realtime": live.realtime,
            "deepgram": live.deepgram,
        }
        clients = Crowd(kinds, counts, seed)
        running = asyncio.create_task(clients.run())
        try:
            yield clients
        finally:
            clients.stop()
            await running
