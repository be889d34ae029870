"""Clean-up that comes to its end, also where whoever does it is cancelled again."""

from __future__ import annotations

import asyncio
from typing import Any


async def until_done(future: asyncio.Future[Any]) -> None:
    """Wait for a future, which no cancellation interrupts: one that comes meanwhile is raised behind it.

    A task that cleans up because it was cancelled is cancelled once more where the event loop ends, which cancels all
    tasks, or by a cancel scope around it. So this is for what a thread does, and not for a task.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
