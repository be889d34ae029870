"""uvicorn's HTTP with limits on what comes before a request, and with clients that stop sending behind one."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.http.errors import ApiError
from server.http.middleware.body import CUT_OFF
from server.serving.heads import ConnectionLimits, Head, HeadTooLarge, no_place, not_http, written

_INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_SILENCE: Final = 0.1
"""Before a client is asked for the first time: most answers have begun by then, and need no other before them."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_BODY_PAUSE: Final = 0.4
"""When the pause is longer than this, whoever sent half a body has been asked for about as long, and is there."""


_LINGER_SECONDS: Final = 2.0
_MOST_DROPPED: Final = 8 << 20
"""Bytes. Who sends more is no client that made a mistake."""


class HttpServer(HttpToolsProtocol):
    """Refuses heads that are too large (431) or too slow (408), and connections that say nothing.

    Answers a client that shuts down its half of the connection behind its request (RFC 9112 9.6).

    A client that closes the connection sends the same as one that only sends no more: an end. uvicorn takes both for
    gone. Only what is written to them tells them apart: who has closed answers with a reset. So while a request is in
    work and nothing of its answer was sent, its client is asked with ``100 Continue``, which clients skip (RFC 9110
    15.2), soon and again after growing pauses. Where half a body has come, and its client is still there, the body
    ends, and the request is told that it was cut off.

    A client may offer another protocol, as Java's offers HTTP/2 with every request (``Upgrade: h2c``). The offer is
    passed over and the request answered in this one (RFC 9110 7.8); the parser takes all that comes behind its head,
    the body first, for the other protocol's.

    Who stops sending when the answer has begun counts as gone, and so does one that speaks HTTP/1.0, which has no
    interim answers: proxies that speak it close in this way when their client has left.
    """

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = b""
        self._limits = limits
        self._head = Head(limits)
        self._head_timer: asyncio.TimerHandle | None = None
        self._refused = False
        self._dropped = 0  # bytes that came behind a refusal
        self._offered_at: int | None = None  # where in the bytes that were parsed last an offer's head ends
        self._running: RequestResponseCycle | None = None
        self._half_closed = False
        self._pause = _FIRST_PAUSE
        self._asking: asyncio.TimerHandle | None = None

    # ---------------------------------------------------------------------------------------------- before a request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse the connection where there are too many, or wait for a head."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._refuse(no_place(), linger=False)  # each holds a descriptor, of which there are too few
        else:
            self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Parse; what comes behind a refusal is dropped."""
        if self._refused:
            self._dropped += len(data)
            if self._dropped > _MOST_DROPPED:
                self.transport.abort()
            return
        all_head = self._head.unfinished
        super().data_received(data)
        rest = data
        while self._offered_at is not None and not self._refused:
            rest, self._offered_at = rest[self._offered_at :], None
            head = self._without_offer()
            self._begin_parsing()
            super().data_received(head)
            if rest:
                super().data_received(rest)
        if all_head and self._head.unfinished:
            try:
                self._head.unparsed(len(data))
            except HeadTooLarge:
                self._refuse(self._head.too_large)
        if self._running is None and self._head_timer is None:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head.begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head.line(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head.header(name, value)

    def on_headers_complete(self) -> None:
        self._head.end()
        self._stop_waiting_for_head()
        if not self._offers:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._offers:
            super().on_message_complete()

    @property
    def _offers(self) -> bool:
        """Whether the head that was read offers a protocol that is not spoken here."""
        return self.parser.should_upgrade() and not self._should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _unsupported_upgrade_warning(self) -> None:
        """Called while the parser's word of it is handled: that the other protocol begins here."""
        upgrade = sys.exception()
        if self._offers and isinstance(upgrade, httptools.HttpParserUpgrade):
            self._offered_at = upgrade.args[0]

    def _without_offer(self) -> bytes:
        """The head that was read last, as who offers nothing sends it."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _begin_parsing(self) -> None:
        """With a parser of its own, as uvicorn makes one: the one before reads nothing more."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser, or one of the methods above, has stumbled upon."""
        self._refuse(self._head.too_large if isinstance(_cause(), HeadTooLarge) else not_http())

    def _wait_for_head(self) -> None:
        if not self.transport.is_closing() and not self._refused and self.transport.get_protocol() is self:
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_is_late)

    def _stop_waiting_for_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._head.unfinished:
            self._refuse(self._head.too_slow)
        else:
            self.transport.close()  # browsers and balancers open connections that they may never use

    def _refuse(self, refusal: ApiError, *, linger: bool = True) -> None:
        """Answer and close; ``linger``: take in and drop for a while what still comes, for a client that is reset may
        not see the answer."""
        self._refused = True
        self._stop_waiting_for_head()
        self._limits.refused(refusal.code or "")
        if self._running is not None:  # that of a request before, which must not be mixed with another
            self.transport.abort()
            return
        self.transport.write(written(refusal, self.url))
        if not linger:
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    # ---------------------------------------------------------------------------------------------- behind a request

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
        elif self._running is None and self._head.unfinished:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application, also where another request waits behind the one in work."""
        self._stop_waiting_for_head()
        if self._asking is not None:
            self._asking.cancel()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)


def _cause() -> BaseException | None:
    """Why the parser gave up, while that is handled: it wraps what its callbacks raise."""
    error = sys.exception()
    return error and error.__context__
