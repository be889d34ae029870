"""The way to a server: its address as people write it, the key, and every refusal in words."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from server.commandline.faults import Fault, Refused, UsageFault

_CONNECT_SECONDS = 10.0
_SILENT_SECONDS = 600.0
"""Reading a recording of four hours may take half of it, and nothing is said meanwhile."""
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})
_RETRY_SECONDS = 5.0


class Unreachable(Refused):
    """Nobody answers, or the connection broke."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a server is and what opens it. ``url``: without a slash at its end, and without ``/v1``."""

    url: str
    key: str | None = None

    @classmethod
    def to(cls, address: str, key: str | None) -> Connection:
        """``address``: a URL, or host and port. ``key``: blanks around it, and one of blanks alone, are none.

        Raises UsageFault.
        """
        text = address.strip()
        text = text if "://" in text else f"http://{text}"
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise UsageFault(f"{address!r} is not the address of a server: {error}.") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise UsageFault(f"{address!r} is not the address of a server: give http://HOST:PORT or https://HOST.")
        key = (key or "").strip() or None
        if key is not None and not (key.isascii() and key.isprintable()):  # of which no header can be made
            raise UsageFault("The key (--api-key, VIBEVOICE_API_KEY) has characters that no key has.")
        return cls(str(url).rstrip("/").removesuffix("/v1"), key)

    @property
    def headers(self) -> dict[str, str]:
        """That open the server."""
        return {} if self.key is None else {"authorization": f"Bearer {self.key}"}

    @property
    def socket_url(self) -> str:
        """The same for WebSockets."""
        return "ws" + self.url.removeprefix("http")

    def client(self) -> httpx.Client:
        """For short questions, one after the other."""
        return httpx.Client(base_url=self.url, headers=self.headers, timeout=_timeout())

    def async_client(self, most: int) -> httpx.AsyncClient:
        """For so many recordings at once."""
        limits = httpx.Limits(max_connections=2 * most, max_keepalive_connections=most)
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=_timeout(), limits=limits)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of the network as Unreachable, in words."""
        try:
            yield
        except httpx.ConnectError as error:
            raise self.unreachable(error) from None
        except httpx.TimeoutException:
            raise Unreachable(f"{self.url} did not answer in time.", retry_after=_RETRY_SECONDS) from None
        except httpx.UnsupportedProtocol:
            raise Fault(f"{self.url} is not the address of a server.") from None
        except httpx.TransportError as error:
            raise Unreachable(
                f"The connection to {self.url} broke ({_cause(error)}).", retry_after=_RETRY_SECONDS
            ) from None

    def unreachable(self, error: BaseException) -> Unreachable:
        """What is told where no connection comes about."""
        return Unreachable(
            f"Nobody answers at {self.url} ({_cause(error)}): is the server running, and is that its address?",
            retry_after=_RETRY_SECONDS,
        )

    def check(self, response: httpx.Response) -> httpx.Response:
        """The response, whose body was read, where it is none of a refusal. Raises Refused."""
        if response.is_success:
            return response
        raise self.refusal(response.status_code, _json(response), response.headers)

    def refusal(self, status: int, body: Any, headers: httpx.Headers) -> Refused:
        """What a refused request is told by."""
        message, code = told_by(body)
        if message is None:
            return self._elsewhere(status, retry_after=_RETRY_SECONDS if status in _BUSY else None)
        match status:
            case HTTPStatus.UNAUTHORIZED if self.key is None:
                message = f"{self.url} wants a key: set VIBEVOICE_API_KEY, or give --api-key."
            case HTTPStatus.UNAUTHORIZED:
                message = f"{self.url} does not take this key: {message}"
        return Refused(message, retry_after=_retry_after(status, headers), code=code)

    def told(self, response: httpx.Response) -> dict[str, Any]:
        """The object that a response has, whose body was read. Raises Refused where it is another server's."""
        body = _json(self.check(response))
        if not isinstance(body, dict):
            raise self._elsewhere(response.status_code)
        return body

    def streamed(self, response: httpx.Response) -> httpx.Response:
        """The response, where it is one of events. Raises Refused where it is another server's."""
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise self._elsewhere(response.status_code)
        return response

    def _elsewhere(self, status: int, retry_after: float | None = None) -> Refused:
        """Something else listens there."""
        return Refused(
            f"{self.url} answers {status} and not as a VibeVoice-ASR server does: is that its address?",
            retry_after=retry_after,
        )


def told_by(body: Any) -> tuple[str | None, str | None]:
    """Message and code of the error envelope; nothing where it is none."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None, None
    return error["message"], error.get("code")


def _retry_after(status: int, headers: httpx.Headers) -> float | None:
    if status not in _BUSY or headers.get("x-should-retry") == "false":
        return None
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return _RETRY_SECONDS


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _timeout() -> httpx.Timeout:
    return httpx.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS)


def _cause(error: BaseException) -> str:
    """What the system said, below what the libraries made of it."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    if isinstance(error, ssl.SSLError):  # its numbers are none of the system's
        return f"TLS: {(error.reason or str(error)).replace('_', ' ').lower()}"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error) or type(error).__name__
