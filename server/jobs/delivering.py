"""Keeps sending what lies in the outbox of a folder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from server.jobs.changes import Changes
from server.jobs.folder import JobFolder
from server.jobs.running import TICK, TROUBLE
from server.jobs.webhooks.outbox import Message
from server.jobs.webhooks.sender import Sender, Taken

logger = logging.getLogger(__name__)

_AT_ONCE = 8
"""Messages; a receiver that lets everybody wait shall not keep the others'."""


class Delivering:
    """The messages that this process has in hand.

    Attributes:
        pending: messages that are still to be taken, when it was last looked.
    """

    def __init__(self, folder: JobFolder, sender: Sender, changes: Changes, clock: Callable[[], float]) -> None:
        self.pending = 0
        self._folder = folder
        self._sender = sender
        self._changes = changes
        self._clock = clock
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; what is being sent then is sent again by whoever comes next."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self.look()
                except TROUBLE as error:
                    logger.warning("webhooks cannot be looked at: %s", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._wake.wait()
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def look(self) -> None:
        """Begin to send what is due."""
        outbox = self._folder.outbox
        while len(self._sending) < _AT_ONCE and (message := await self._folder.do(outbox.take)) is not None:
            task = asyncio.create_task(self._send(message), name=message.id)
            self._sending.add(task)
            task.add_done_callback(self._done)
        self.pending = await self._folder.do(outbox.pending)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self.wake()

    async def _send(self, message: Message) -> None:
        outbox, do = self._folder.outbox, self._folder.do
        tried = await self._sender.send(message)
        with suppress(*TROUBLE):
            match tried.taken:
                case Taken.DELIVERED:
                    await do(outbox.delivered, message)
                case Taken.GONE:
                    await do(outbox.give_up, message, tried.error)
                case Taken.REFUSED:
                    await do(outbox.retry, message, tried.error)
        self._changes.tell(message.job)
