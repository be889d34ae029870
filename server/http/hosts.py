"""Which names a server answers to.

A page can have the name it came from lead to another address afterwards, this machine's own for instance ("DNS
rebinding"), and is then of the same origin as the server there. Its requests still bear that name, so a server that
answers only to its own names is safe from it.

Keys are another safety: no browser adds one by itself. Where they are set and no names are given, any name will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

ANY: Final = "*"

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::\d*)?", re.ASCII)
_LOCALHOST: Final = "localhost"
_OF_NETWORKS: Final = (".local", ".internal", ".home.arpa")
"""Ends of names that only a network's own resolver gives (RFC 6762, ICANN's resolution 2024.07.29.06, RFC 8375);
Kubernetes' cluster.local is among them."""


class AllowedHosts:
    """Always allowed are addresses (they cannot be made to lead elsewhere), localhost and the name that is bound.

    A server that others on its network reach, because it listens on more than the loopback interface, may also be
    called by names that no stranger's resolver gives: those of one word, as Compose and Kubernetes give to services,
    and `_OF_NETWORKS`. Who can forge these is in that network, and needs no page to call the server.

    Args:
        named: more names; ``*.example.com`` for all below one, ``*`` for all.
        bound: where the server listens, an address or a name.
        keyed: callers need a key.
    """

    def __init__(self, named: Iterable[str], *, bound: str, keyed: bool) -> None:
        names = [name.lower().rstrip(".") for name in named]
        self._all = ANY in names or (keyed and not names)
        self._names = {_LOCALHOST, bound.lower(), *names}
        self._endings = (f".{_LOCALHOST}", *(name[1:] for name in names if name.startswith("*.")))
        self._on_network = not _is_loopback(bound)

    def allow(self, host: str) -> bool:
        """``host``: as the header of that name has it, with or without a port."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = (found["v6"] or found["name"]).lower().rstrip(".")
        if self._all or _is_address(name) or name in self._names or name.endswith(self._endings):
            return True
        return self._on_network and ("." not in name or name.endswith(_OF_NETWORKS))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(bound: str) -> bool:
    return ip_address(bound).is_loopback if _is_address(bound) else bound == _LOCALHOST
