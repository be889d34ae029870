"""Who waits for a job to change, and is told at once where the change was made here."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Changes:
    """For one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Event]] = {}

    def tell(self, job: int) -> None:
        """The job of this number is not what it was."""
        for event in self._waiting.get(job, ()):
            event.set()

    def tell_all(self) -> None:
        """Whoever waits shall look again."""
        for job in list(self._waiting):
            self.tell(job)

    async def wait(self, job: int, seconds: float) -> None:
        """Until it changes, or so long: other processes change jobs too."""
        event = asyncio.Event()
        self._waiting.setdefault(job, set()).add(event)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            self._waiting[job].discard(event)
            if not self._waiting[job]:
                del self._waiting[job]
