"""How a command that waits for much runs: until it is done, or a signal ends it in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from server.commandline.faults import Status

Result = TypeVar("Result")


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


async def left_behind(work: Callable[[], Result]) -> Result:
    """What ``work`` gives, or raises.

    It runs in a thread that nobody waits for where the caller is cancelled: a read of a pipe cannot be interrupted.
    """
    loop = asyncio.get_running_loop()
    given: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if given.done():
            return
        if error is not None:
            given.set_exception(error)
        else:
            given.set_result(result)  # type: ignore[arg-type]  # it is what work gave

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except Exception as error:  # it is the caller's
            failed = error
        with suppress(RuntimeError):  # the event loop is gone, and so is who waited
            loop.call_soon_threadsafe(settle, result, failed)

    Thread(target=run, name="left behind", daemon=True).start()
    return await given
