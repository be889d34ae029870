"""Limits on a request's body: its size, how slowly and in which form it may come. They hold while the body is read."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.errors import ApiError, invalid

CUT_OFF = "cut_off"
"""In a request's state: its body ended before its end, and the client is there to be told so."""

_LINGER_SECONDS = 30.0
_LINGER_SILENCE_SECONDS = 5.0
_PLAIN = frozenset({"", "identity"})


class BodyMiddleware:
    """Refuses bodies over ``max_bytes`` (413) and bodies that come too slowly (400).

    That is slower than ``min_bytes_per_second`` on the whole, ``grace_seconds`` aside, or over ``max_seconds``. Only
    the time counts in which the server waits for the client.

    ``receive`` raises the ApiError; a length that is announced too large is refused when the body is first asked for,
    and so is a body that is compressed (415). A body that was cut off is a 400.

    A request may be refused before its body was read. Closing the connection at once would reset it, and most clients
    would never see the answer. So the rest of the body is read and dropped for a while, as web servers do
    ("lingering close"), unless the client waits for permission to send it (``Expect: 100-continue``).
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, grace_seconds: float, min_bytes_per_second: int, max_seconds: float
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._grace_seconds = grace_seconds
        self._min_bytes_per_second = min_bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send)

        async def limited_receive() -> Message:
            if body.ended:
                return await receive()
            if body.announced_bytes > self._max_bytes:
                raise self._too_large()
            if body.encoding not in _PLAIN:
                raise _compressed(body.encoding)
            allowed = self._grace_seconds + body.received / self._min_bytes_per_second
            try:
                async with asyncio.timeout(min(allowed, self._max_seconds) - body.waited):
                    message = await body.receive()
            except TimeoutError:
                raise self._too_slow(allowed) from None
            if body.received > self._max_bytes:
                raise self._too_large()
            if scope["state"].get(CUT_OFF):
                raise _cut_off(body)
            return message

        await self._app(scope, limited_receive, body.send)

    def _too_slow(self, allowed: float) -> ApiError:
        """Not 408, which clients answer by sending all of it again."""
        if allowed > self._max_seconds:
            message = f"The upload took longer than {self._max_seconds:g} seconds."
        else:
            message = f"The upload is slower than {self._min_bytes_per_second} bytes per second."
        return invalid(None, message, code="upload_too_slow")

    def _too_large(self) -> ApiError:
        return ApiError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"Maximum content size limit ({self._max_bytes}) exceeded.",
            code="content_too_large",
        )


def announced_bytes(headers: Headers) -> int:
    """How long the body is going to be, by Content-Length; 0 where that is not known before."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _compressed(encoding: str) -> ApiError:
    return ApiError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"Bodies with the Content-Encoding {encoding[:40]} are not taken; send the body as it is.",
        code="unsupported_media_type",
    )


def _cut_off(body: _Body) -> ApiError:
    told = f" of {body.announced_bytes}" if body.announced_bytes else ""
    return invalid(None, f"The body was cut off: {body.received}{told} bytes came.", code="incomplete_body")


class _Body:
    """Where a request's body stands, and the lingering end of an answer that came before the body's end.

    Attributes:
        announced_bytes: by Content-Length; 0 where the length is not known before.
        received: bytes so far.
        waited: seconds spent waiting for them.
        ended: whether all of it has come, or the client has left.
        encoding: how it is compressed, by Content-Encoding.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        self.received = 0
        self.waited = 0.0
        self.announced_bytes = announced_bytes(headers)
        self.ended = not self.announced_bytes and "transfer-encoding" not in headers
        self.encoding = headers.get("content-encoding", "").strip().lower()
        self._asked_for = headers.get("expect", "").lower() != "100-continue"
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        self._asked_for = True
        began = monotonic()
        message = await self._receive()
        self.waited += monotonic() - began
        self.received += len(message.get("body", b""))
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send; before the end of an answer to an unfinished request, take in what the client still sends."""
        if self.ended:
            await self._send(message)
        elif message["type"] == "http.response.start":
            MutableHeaders(scope=message)["connection"] = "close"
            await self._send(message)
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            if self._asked_for:
                await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self.ended:
                    async with asyncio.timeout(_LINGER_SILENCE_SECONDS):
                        await self.receive()
        except TimeoutError:
            return
