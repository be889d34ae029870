"""Frames on their way to a client."""

from __future__ import annotations

import asyncio
import json
from collections import deque

from starlette.websockets import WebSocket

from server.http.sockets.endings import SessionOver
from server.live.vocabulary.actions import Close, Send
from server.live.vocabulary.protocol import SessionEnd

_ROOM = 64
"""Frames that may wait; each is some hundred bytes."""


class Outbox:
    """Sends in the order of `put`. Whoever puts much waits for `room` before the next.

    Args:
        websocket: accepted.
        patience: seconds for which the client may leave a frame untaken.
    """

    def __init__(self, websocket: WebSocket, patience: float) -> None:
        self._websocket = websocket
        self._patience = patience
        self._frames: deque[Send | Close] = deque()
        self._closing = False
        self._wake, self._roomy, self._closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._roomy.set()

    def put(self, frame: Send | Close) -> None:
        """The next frame. After a Close nothing more is taken."""
        if self._closing:
            return
        self._closing = isinstance(frame, Close)
        self._frames.append(frame)
        self._wake.set()
        if len(self._frames) >= _ROOM:
            self._roomy.clear()

    async def room(self) -> None:
        """Wait until few frames wait."""
        await self._roomy.wait()

    async def closed(self) -> None:
        """Wait until a Close was sent."""
        await self._closed.wait()

    async def run(self) -> None:
        """Send until a Close was sent. Raises SessionOver (``TOO_SLOW``), and WebSocketDisconnect."""
        while not self._closed.is_set():
            self._wake.clear()
            while self._frames:
                await self._send(self._frames.popleft())
                if len(self._frames) < _ROOM:
                    self._roomy.set()
            if not self._closed.is_set():
                await self._wake.wait()

    async def _send(self, frame: Send | Close) -> None:
        try:
            async with asyncio.timeout(self._patience):
                if isinstance(frame, Send):
                    # ASCII only: a lone surrogate of a client's own words could not be sent back otherwise.
                    await self._websocket.send_text(json.dumps(frame.event, separators=(",", ":")))
                else:
                    await self._websocket.close(frame.code, frame.reason)
                    self._closed.set()
        except TimeoutError:
            raise SessionOver(SessionEnd.TOO_SLOW, f"Nothing was read for {self._patience:g} seconds.") from None
