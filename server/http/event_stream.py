"""Server-sent events over a connection that may fall silent, be slow, or be gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, suppress

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.http.disconnect import while_connected

HEARTBEAT = b": still working\n\n"
_SEND_SECONDS = 30.0
"""A client that takes nothing for this long is given up."""


class EventStream(Response):
    """Sends ``events`` (encoded frames) as they come, with comments in between when they do not.

    ``resources`` are closed when the response ends in whichever way, in a good end before the client sees it. That is
    tied to the response's own call because a generator that waits to be asked for its next item is not told that nobody
    will ask.
    """

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[bytes, None], *, heartbeat_seconds: float, resources: AsyncExitStack
    ) -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._heartbeat_seconds = heartbeat_seconds
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources:
            # There is nobody left to tell when the client has left.
            with suppress(ClientDisconnect):
                await while_connected(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with (
            aclosing(self._events) as events,
            aclosing(_with_heartbeats(events, self._heartbeat_seconds)) as frames,
        ):
            async for frame in frames:
                async with asyncio.timeout(_SEND_SECONDS):
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
        await self._resources.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _with_heartbeats(frames: AsyncIterator[bytes], seconds: float) -> AsyncGenerator[bytes, None]:
    """``frames``, and HEARTBEAT whenever none came for ``seconds``."""
    upcoming = asyncio.ensure_future(anext(frames, None))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=seconds)
            if not upcoming.done():
                yield HEARTBEAT
                continue
            frame = upcoming.result()
            if frame is None:
                return
            yield frame
            upcoming = asyncio.ensure_future(anext(frames, None))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
