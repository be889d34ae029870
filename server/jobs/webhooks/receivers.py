"""Who may be told: hosts that the operator named, at addresses that are nobody's inside of his network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

MAX_URL: Final = 2_048
_PORTS: Final = {"https": 443, "http": 80}
_EMBEDDING: Final = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""Networks of IPv6 whose addresses stand for one of IPv4: translators may lead inside of the network by them."""


class ForbiddenReceiver(Exception):  # noqa: N818 - it says what the receiver is
    """Nothing is sent there. ``message`` is fit for the client's eyes."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a message goes.

    Attributes:
        target: path and query, as a request has them.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the header ``Host`` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Receivers:
    """Those that messages may be sent to.

    Args:
        hosts: names that URLs may have: ``hooks.example``, ``*.example`` for all below it, ``*`` for any.
        private: also by plain HTTP, and to addresses of private networks and of this machine.
    """

    def __init__(self, hosts: Sequence[str], *, private: bool = False) -> None:
        self._hosts = tuple(host.lower() for host in hosts)
        self._private = private

    def read(self, url: str) -> Receiver:
        """Raises ForbiddenReceiver."""
        if len(url) > MAX_URL or not url.isascii() or any(letter <= " " or letter == "\x7f" for letter in url):
            raise ForbiddenReceiver(f"It has to be a URL of up to {MAX_URL} printable ASCII characters.")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise ForbiddenReceiver("It is no URL.") from None
        if parts.scheme not in _PORTS or not host:
            raise ForbiddenReceiver("It has to be a URL that begins with https://.")
        if parts.scheme == "http" and not self._private:
            raise ForbiddenReceiver("This server sends nothing without encryption: use https://.")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ForbiddenReceiver("It may have neither a user nor a fragment.")
        if not any(_matches(host, pattern) for pattern in self._hosts):
            raise ForbiddenReceiver("This server's operator allows no messages to this host.")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Receiver(parts.scheme, host, port or _PORTS[parts.scheme], target)

    async def address_of(self, receiver: Receiver) -> str:
        """One of the addresses that its name has now, to be connected to: asked again it may have others.

        Raises ForbiddenReceiver where all of them are private, OSError where the name has none.
        """
        found = await asyncio.get_running_loop().getaddrinfo(
            receiver.host, receiver.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        addresses = [str(place[0]) for *_, place in found]
        allowed = next((each for each in addresses if self._private or _is_public(each)), None)
        if allowed is None:
            raise ForbiddenReceiver("The host has no public address.")
        return allowed


def _matches(host: str, pattern: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _is_public(text: str) -> bool:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        mapped: IPv4Address | None = address.ipv4_mapped
        if mapped is not None:
            return _is_public(str(mapped))
        if any(address in network for network in _EMBEDDING):
            return False
    return address.is_global and not address.is_multicast
