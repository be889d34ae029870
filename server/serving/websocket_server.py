"""uvicorn's WebSocket with a bounded read-ahead, and better manners towards clients that have to be cut off."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.frames import CloseCode, Frame
from websockets.protocol import State

_LINGER_SECONDS = 5.0
READ_AHEAD_BYTES = 8 << 20
"""What may have come and wait for the application. A client's ping is answered when it is read, and many clients give
up when it stands behind audio for 20 s: so a recording that is sent faster than it is heard should fit in here."""
http11.MAX_LINE_LENGTH = 1 << 16
"""Of a handshake: 5,000 key terms in a query are 50 kB, and what is too long of them is for the protocol to say."""
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain\r\ncontent-length: 25\r\nconnection: close\r\n\r\nThe handshake is too long"
)
_MESSAGE_BYTES = 512
"""What a message costs in memory beside its content."""
_AT_ONCE = 1 << 14
"""Bytes that are parsed in one turn of the event loop. What is read in one may be sixteen times as much, and hold so
many small messages that nobody else would be served for a second."""


class _Inbox(asyncio.Queue[ASGIReceiveEvent]):
    """What waits for the application. The end of the connection makes messages void: no answer could be sent.

    Attributes:
        bytes: of the messages, about.
    """

    def _init(self, maxsize: int) -> None:
        self._queue: deque[ASGIReceiveEvent] = deque()
        self.bytes = 0

    def _put(self, item: ASGIReceiveEvent) -> None:
        if item["type"] == "websocket.disconnect":
            self._queue = deque(event for event in self._queue if event["type"] != "websocket.receive")
            self.bytes = 0
        self._queue.append(item)
        self.bytes += _weight(item)

    def _get(self) -> ASGIReceiveEvent:
        item = self._queue.popleft()
        self.bytes -= _weight(item)
        return item


def _weight(event: ASGIReceiveEvent) -> int:
    if event["type"] != "websocket.receive":
        return 0
    return _MESSAGE_BYTES + len(event.get("bytes") or event.get("text") or "")


class WebSocketServer(WebSocketsSansIOProtocol):
    """Reads up to ``READ_AHEAD_BYTES`` ahead of the application, where uvicorn stops behind every message. Others get
    their turn between small messages, however many there are.

    A client that takes no answers is owed one to its last ping alone (RFC 6455 5.5.3): all of them would pile up in
    memory.

    Tells clients why they are cut off if they can be told, and lets go of them if not. What clients do wrong, and what
    they are refused, is no error of the server's and not logged as one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue: _Inbox = _Inbox()
        self._unparsed = b""
        self._stopped = False  # nothing is read
        self._owed_pong = b""

    def data_received(self, data: bytes) -> None:
        """Take in what came, a part in each turn of the loop."""
        taking = bool(self._unparsed)
        self._unparsed += data
        if not taking:
            self._take_in()

    def _take_in(self) -> None:
        """The next part. A handshake that cannot be read is refused, where uvicorn leaves it without an answer."""
        data, self._unparsed = self._unparsed[:_AT_ONCE], self._unparsed[_AT_ONCE:]
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(_TOO_LONG)
            self.transport.close()
        if self.transport.is_closing():
            self._unparsed = b""
        if self._unparsed:
            self.loop.call_soon(self._take_in)
        self._read_or_not()

    def _read_or_not(self) -> None:
        """Nothing is read while too much waits for the application, or something to be parsed."""
        stop = self.read_paused or bool(self._unparsed)
        if stop != self._stopped:
            self._stopped = stop
            (self.transport.pause_reading if stop else self.transport.resume_reading)()

    def handle_cont(self, event: Frame) -> None:
        """Keep a part of a message as its bytes: there may be millions of them, of no or of few bytes each."""
        if isinstance(self.frames[0], bytes):
            self.frames = [bytearray(self.frames[0])]  # type: ignore[list-item]
        self.frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer it, or remember to."""
        if self.writable.is_set() or self.conn.state is not State.OPEN:
            super().handle_ping()
        elif pongs := self.conn.data_to_send():  # to all pings of what was parsed with this one
            self._owed_pong = pongs[-1]

    def resume_writing(self) -> None:
        """The client takes something again."""
        super().resume_writing()
        pong, self._owed_pong = self._owed_pong, b""
        if pong and not self.close_sent:
            self.transport.write(pong)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on, and stop reading when too much waits. Text that is no UTF-8 closes with 1007."""
        data = b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        else:
            try:
                self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
            except UnicodeDecodeError:
                self.conn.send_close(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
                return
        self.read_paused = self.queue.bytes > READ_AHEAD_BYTES

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; reading goes on when little enough waits."""
        if not self.queue.empty():
            await asyncio.sleep(0)  # behind which one is there: a queue that has something lets nobody else run
        message = await self.queue.get()
        if self.read_paused and self.queue.bytes <= READ_AHEAD_BYTES:
            self.read_paused = False
            self._read_or_not()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send. A handshake that was refused is complete, which uvicorn takes for one that was left unanswered."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def handle_parser_exception(self) -> None:
        """Close as uvicorn does, but take in and drop what the client still sends of a message that is too large.

        Closing the connection at once would reset it, and most clients would never see the code.
        """
        if self.close_timer is not None:
            return
        self.close_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)
        assert self.conn.close_sent is not None
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True  # what the application still sends reaches nobody
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.read_paused = False
        self._read_or_not()

    async def run_asgi(self) -> None:
        """Run the application. A client that leaves what it was sent untaken at the end is not waited for."""
        try:
            await super().run_asgi()
        finally:
            if not self.writable.is_set():
                self.transport.abort()
