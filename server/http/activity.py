"""Which requests are not answered yet, and waiting for their end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """Counts requests. For one event loop.

    Attributes:
        requests: whose answer has not ended, probes included.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurry = asyncio.Event()

    @contextmanager
    def request(self) -> Iterator[None]:
        """From a request's begin to the end of its answer."""
        self.requests += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.requests -= 1
            if not self.requests:
                self._idle.set()

    def hurry(self) -> None:
        """Nobody shall wait for anything any more. May be called before anybody does, and again."""
        self._hurry.set()

    async def wait(self, seconds: float) -> None:
        """Until so much time has passed, or there is hurry."""
        await self._wait(seconds, self._hurry)

    async def wait_idle(self, seconds: float) -> None:
        """The same, or until there is no request."""
        await self._wait(seconds, self._hurry, self._idle)

    @staticmethod
    async def _wait(seconds: float, *events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
