"""How a command that waits for much runs: until it is done, or a signal ends it in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from server.commandline.faults import Status


def run_until_done(work: Coroutine[Any, Any, Status]) -> Status:
    """What ``work`` returns. SIGTERM cancels it, as Ctrl+C does; a second Ctrl+C does not wait for its end.

    Raises KeyboardInterrupt after Ctrl+C.
    """
    with asyncio.Runner() as runner:
        return runner.run(_until_told(work))


async def _until_told(work: Coroutine[Any, Any, Status]) -> Status:
    task = asyncio.ensure_future(work)
    if sys.platform == "win32":
        return await task
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await task
    except asyncio.CancelledError:
        if not terminated:
            raise
        return Status.TERMINATED
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
