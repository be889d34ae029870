"""The worker process as the event loop sees it: send without blocking, hear its messages, hear its end."""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from server.engine.blackbox import BlackBox
from server.engine.messages import AppendAudio, ToClient, ToWorker
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory
from server.engine.worker.main import run_worker

logger = logging.getLogger(__name__)

CHUNK_SAMPLES = 240_000
"""Samples in one AppendAudio message at most (10 s)."""
_UNSENT_CHUNKS = 8
"""AppendAudio messages that may wait for the pipe before ``send_audio`` waits."""
_EXIT_SECONDS = 5.0
"""How long a worker that closed its pipe may take to leave."""


class WorkerEnd(NamedTuple):
    """How a worker ended, to go behind "the worker", and over which streams.

    Attributes:
        killed: by SIGKILL, which the kernel sends too when memory runs out.
    """

    how: str
    killed: bool = False
    in_hand: frozenset[int] = frozenset()


@contextmanager
def _without_main() -> Iterator[None]:
    """A process that is spawned inside does not run the caller's script, as multiprocessing has it do.

    What the worker needs it imports by its name. A script that transcribes, and has no ``if __name__ == "__main__"``,
    would otherwise begin anew in there.
    """
    main = sys.modules["__main__"]
    found = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    try:
        main.__spec__ = None
        if "__file__" in found:
            del main.__file__
        yield
    finally:
        for name, value in found.items():
            setattr(main, name, value)


class WorkerProcess:
    """One spawned worker with a reader and a writer thread. Made and used on the event loop's thread.

    Attributes:
        box: where it leaves signs of life.
        ended: done when the process is gone, its messages are delivered, and its threads, pipe and box are closed.
    """

    def __init__(
        self, factory: RunnerFactory, settings: EngineSettings, on_messages: Callable[[Sequence[ToClient]], None]
    ) -> None:
        """Start the process. ``on_messages`` is called on the event loop with what came at once."""
        self._loop = asyncio.get_running_loop()
        self._on_messages = on_messages
        self._room = asyncio.Semaphore(_UNSENT_CHUNKS)
        self._outbox: SimpleQueue[ToWorker | None] = SimpleQueue()
        self.ended: asyncio.Future[WorkerEnd] = self._loop.create_future()
        self.box = BlackBox.to_share()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=run_worker, args=(theirs, factory, settings, self.box), name="vibevoice-worker", daemon=True
        )
        try:
            with _without_main():
                self._process.start()
        except BaseException:
            self._pipe.close()
            self.box.close()
            raise
        finally:
            self.box.shared()
            theirs.close()  # so that the worker's death is the end of the pipe
        self._parent = os.getpid()
        atexit.register(self._leave)
        self._reader = Thread(target=self._read, name="worker-reader", daemon=True)
        self._writer = Thread(target=self._write, name="worker-writer", daemon=True)
        self._reader.start()
        self._writer.start()

    @property
    def pid(self) -> int | None:
        return None if self.ended.done() else self._process.pid

    def send(self, message: ToWorker) -> None:
        """Queue a message that carries no audio. Lost without a word when the worker is gone: ``ended`` tells."""
        self._outbox.put(message)

    async def send_audio(self, message: AppendAudio) -> None:
        """Queue audio; waits while too much is unsent. Lost like other messages when the worker is gone."""
        await self._room.acquire()
        if self.ended.done():
            self._room.release()
        else:
            self._outbox.put(message)

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if not self.ended.done():
            self._process.kill()

    def _leave(self) -> None:
        """At the end of a process that did not close it: multiprocessing would ask it to leave, which it hears nothing
        of, and wait for that. One that was forked off leaves it alone."""
        if os.getpid() == self._parent:
            self.kill()

    # ------------------------------------------------------------------------------------------------- threads

    def _read(self) -> None:
        try:
            while self._pipe in wait([self._pipe, self._process.sentinel]):
                self._call(self._on_messages, self._pipe.recv())
        except (EOFError, OSError):
            logger.debug("the worker's pipe ended")
        except Exception:
            logger.exception("the worker's messages cannot be read")  # it is ended below, and so are its streams
        self._process.join(_EXIT_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._outbox.put(None)
        self._writer.join()
        self._pipe.close()
        self._call(self._finish)

    def _write(self) -> None:
        while (message := self._outbox.get()) is not None:
            try:
                self._pipe.send(message)
            except OSError:
                return  # the reader sees the end too
            if isinstance(message, AppendAudio):
                self._call(self._room.release)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            logger.debug("the event loop was closed before its worker")

    # ---------------------------------------------------------------------------------------------- event loop

    def _finish(self) -> None:
        atexit.unregister(self._leave)
        code = self._process.exitcode or 0
        self._reader.join()
        self._process.close()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"
        self.ended.set_result(WorkerEnd(how, code == -signal.SIGKILL, self.box.in_hand))
        self.box.close()
        self._room.release()  # wakes the first that waits for room, who finds the end and wakes the next
