"""What a session owes its client: the last words of each flush, until it is told that they were all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic

from server.http.sockets.delays import Delays
from server.live.vocabulary.flush import Asker, FlushId

ChannelFlush = tuple[int, FlushId]
"""A flush of one channel, by the channel's number."""


class OwedWords:
    """Flushes on their way. False where there are none.

    Attributes:
        asked: those that the protocol has asked for, and the second of the session that each is about.
        settled: all of them were told, and what came of that is on its way to the client.
    """

    def __init__(self, delays: Delays) -> None:
        self.asked: dict[ChannelFlush, float] = {}
        self.settled = asyncio.Event()
        self._delays = delays
        self._owed: set[ChannelFlush] = set()

    def __bool__(self) -> bool:
        return bool(self._owed)

    def add(self, channel: int, flush: FlushId) -> None:
        """The client is to get all words of what was heard so far."""
        self._owed.add((channel, flush))
        self.settled.clear()
        self._delays.asked((channel, flush), monotonic())

    def ask(self, flushes: Mapping[ChannelFlush, float]) -> None:
        """From the moment on at which the protocol knows of them."""
        self.asked |= {key: at for key, at in flushes.items() if key[1].asker is Asker.PROTOCOL}
        for channel, flush in flushes:
            self.add(channel, flush)

    def told(self, channel: int, flush: FlushId) -> None:
        """Its last words are there."""
        self._owed.discard((channel, flush))
        self._delays.flushed((channel, flush), monotonic())
        self.asked.pop((channel, flush), None)

    def passed_on(self) -> None:
        """What was told so far is on its way to the client."""
        if not self._owed:
            self.settled.set()
