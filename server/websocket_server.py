"""uvicorn's WebSocket with better manners towards clients that have to be cut off."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_LINGER_SECONDS = 5.0


class WebSocketServer(WebSocketsSansIOProtocol):
    """Tells clients why they are cut off if they can be told, and lets go of them if not."""

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
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    async def run_asgi(self) -> None:
        """Run the application. A client that leaves what it was sent untaken at the end is not waited for."""
        try:
            await super().run_asgi()
        finally:
            if not self.writable.is_set():
                self.transport.abort()
