"""Files that are opened beside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import BinaryIO


async def open_in_thread(opening: Callable[[], BinaryIO]) -> BinaryIO:
    """What ``opening`` gives, called in a thread: a disk can be far away. Raises what it raises.

    Nothing stays open where the caller is cancelled meanwhile: the thread cannot be interrupted, so its file is closed.
    """
    file = asyncio.get_running_loop().run_in_executor(None, opening)
    try:
        return await asyncio.shield(file)
    except asyncio.CancelledError:
        file.add_done_callback(_close)
        raise


def _close(file: asyncio.Future[BinaryIO]) -> None:
    if file.exception() is None:
        file.result().close()
