"""How much of a request's head is read: its first line and its headers, before anybody knows who sends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from server.http.deepgram_error import in_shape_of
from server.http.errors import ApiError

MAX_HEADERS: Final = 128
"""Clients send a dozen and proxies add as many. A WebSocket's handshake may have no more in any case."""
_SEPARATORS: Final = 4
"""Bytes of a header's line beside name and value."""
_RETRY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may do before its requests are looked at.

    Attributes:
        head_bytes: of a request's first line and headers together.
        head_seconds: in which they come, from the connection's begin or from the end of the request before.
        connections: that are open at once.
        refused: is told the code of what is refused here.
    """

    head_bytes: int
    head_seconds: float
    connections: int
    refused: Callable[[str], None]


class HeadTooLarge(Exception):  # noqa: N818 - it is the head that is too large
    """There is no need to read on."""


class Head:
    """The head that is being read.

    Attributes:
        unfinished: it has begun and not ended.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.unfinished = False
        self._limits = limits
        self._bytes = self._unparsed = self._headers = 0

    def begin(self) -> None:
        self.unfinished = True
        self._bytes = self._unparsed = self._headers = 0

    def end(self) -> None:
        self.unfinished = False

    def line(self, octets: int) -> None:
        """So much more of the first line. Raises HeadTooLarge, as the others do."""
        self._bytes += octets
        self._check(self._bytes)

    def header(self, name: bytes, value: bytes) -> None:
        """Another header."""
        self._headers += 1
        self.line(len(name) + len(value) + _SEPARATORS)

    def unparsed(self, octets: int) -> None:
        """So many bytes, of which nothing but this head can be. The parser keeps a header until its end has come."""
        self._unparsed += octets
        self._check(self._unparsed)

    def _check(self, octets: int) -> None:
        if octets > self._limits.head_bytes or self._headers > MAX_HEADERS:
            raise HeadTooLarge

    @property
    def too_large(self) -> ApiError:
        """The refusal."""
        return ApiError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"A request may have {self._limits.head_bytes} bytes and {MAX_HEADERS} headers before its body.",
            code="header_too_large",
        )

    @property
    def too_slow(self) -> ApiError:
        """The refusal."""
        return ApiError(
            HTTPStatus.REQUEST_TIMEOUT,
            f"The head of the request did not come within {self._limits.head_seconds:g} seconds.",
            code="header_too_slow",
        )


def no_place() -> ApiError:
    """The refusal of a connection that is one too many."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many connections are open.",
        code="too_many_connections",
        retry_after=_RETRY_SECONDS,
    )


def not_http() -> ApiError:
    """The refusal of what cannot be read."""
    return ApiError(HTTPStatus.BAD_REQUEST, "This is not a valid HTTP request.", code="invalid_request")


def written(refusal: ApiError, target: bytes) -> bytes:
    """The whole answer, in the shape that the path in ``target`` has; the connection is to be closed behind it."""
    request_id = str(uuid4())
    path = target.partition(b"?")[0].decode("latin-1")
    response = in_shape_of(path, refusal, request_id).response
    headers = [*response.raw_headers, (b"x-request-id", request_id.encode()), (b"connection", b"close")]
    status = HTTPStatus(refusal.status)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode()), *(b": ".join(header) for header in headers)]
    return b"\r\n".join([*lines, b"", response.body])
