"""How much an event loop does in one turn, in processor time of its thread; what else the machine does is not in it."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

import httpx
from fastapi import APIRouter

_PAUSE = 0.001


class LoopWatch:
    """A task of a server's loop that wants a turn every millisecond, and notes what was done between two of them.

    ``router`` goes into the server's application. Nothing is watched before the first question.
    """

    def __init__(self) -> None:
        self.router = APIRouter()
        self.router.add_api_route("/longest-turn", self._take)
        self._longest = 0.0
        self._watching: asyncio.Task[None] | None = None

    def longest_turn(self, url: str, work: Callable[[], object]) -> float:
        """Processor seconds of the longest turn while ``work`` is done. Garbage is left for later."""
        gc.collect()
        gc.disable()
        try:
            self._ask(url)
            work()
            return self._ask(url)
        finally:
            gc.enable()

    def _ask(self, url: str) -> float:
        longest: float = httpx.get(f"{url}/longest-turn", timeout=60).raise_for_status().json()
        return longest

    async def _take(self) -> float:
        """The longest turn since the last question."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        longest, self._longest = self._longest, 0.0
        return longest

    async def _watch(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(_PAUSE)
            now = time.thread_time()
            self._longest = max(self._longest, now - before)
            before = now
