"""What a client sends: one frame after the other, and how long the next one is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from server.http.sockets.endings import SessionOver
from server.live.vocabulary.protocol import SessionEnd


class Inbox:
    """The frames of one session, for one task.

    Args:
        idle: seconds for which the client may be silent.
        waits: whether the client waits for words meanwhile: then it may be silent without end.

    Attributes:
        waiting: a frame is waited for, and none is being taken.
    """

    def __init__(self, websocket: WebSocket, idle: float, waits: Callable[[], bool]) -> None:
        self._websocket = websocket
        self._idle = idle
        self._waits = waits
        self._patience: asyncio.Timeout | None = None  # only while waiting for the client

    @property
    def waiting(self) -> bool:
        return self._patience is not None

    async def next(self) -> str | bytes:
        """The next frame. Raises WebSocketDisconnect, and SessionOver (``IDLE``)."""
        try:
            async with asyncio.timeout(None) as self._patience:
                self.be_patient()
                message = await self._websocket.receive()
        except TimeoutError:
            raise SessionOver(SessionEnd.IDLE, f"Nothing came for {self._idle:g} seconds.") from None
        finally:
            self._patience = None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text: str | None = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    def be_patient(self) -> None:
        """Wait for the client from now on; without end while it waits for words."""
        if self._patience is not None and not self._patience.expired():
            now = asyncio.get_running_loop().time()
            self._patience.reschedule(None if self._waits() else now + self._idle)
