"""uvicorn's HTTP over a connection whose client has stopped sending: it may have left, or be waiting for its answer."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.http.middleware.body import CUT_OFF

_INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_SILENCE: Final = 0.1
"""Before a client is asked for the first time: most answers have begun by then, and need no other before them."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_BODY_PAUSE: Final = 0.4
"""When the pause is longer than this, whoever sent half a body has been asked for about as long, and is there."""


class HttpServer(HttpToolsProtocol):
    """Answers a client that shuts down its half of the connection behind its request (RFC 9112 9.6).

    A client that closes the connection sends the same as one that only sends no more: an end. uvicorn takes both for
    gone. Only what is written to them tells them apart: who has closed answers with a reset. So while a request is in
    work and nothing of its answer was sent, its client is asked with ``100 Continue``, which clients skip (RFC 9110
    15.2), soon and again after growing pauses. Where half a body has come, and its client is still there, the body
    ends, and the request is told that it was cut off.

    Who stops sending when the answer has begun counts as gone, and so does one that speaks HTTP/1.0, which has no
    interim answers: proxies that speak it close in this way when their client has left.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running: RequestResponseCycle | None = None
        self._half_closed = False
        self._pause = _FIRST_PAUSE
        self._asking: asyncio.TimerHandle | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Whether the connection stays open."""
        running = self._running
        if running is None or running.response_started or running.scope["http_version"] == "1.0":
            return None
        self._half_closed = True
        self.cycle.keep_alive = False  # the last of those that were sent one behind the other
        self._asking = self.loop.call_later(_SILENCE, self._ask)
        return True

    def _ask(self) -> None:
        running = self._running
        if running is None or running.response_started or self.transport.is_closing():
            return
        self.transport.write(_INTERIM)
        if running.more_body and self._pause > _BODY_PAUSE:
            running.scope["state"][CUT_OFF] = True
            running.more_body = False
            running.message_event.set()
        self._asking = self.loop.call_later(self._pause, self._ask)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def on_response_complete(self) -> None:
        """Go on with the next request. A client that sends no more is not waited for."""
        self._running = None
        super().on_response_complete()
        if self._half_closed and self._running is None and not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application, also where another request waits behind the one in work."""
        if self._asking is not None:
            self._asking.cancel()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
