"""Pages of which origins may use a server.

Browsers let any page send a form anywhere and open a WebSocket to anywhere; the answer is kept from the page in the
first case alone. They say where the page came from, and leave the rest to the server. The rule is Go's
(net/http.CrossOriginProtection), for WebSockets too.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

ANY: Final = "*"
_OWN: Final = frozenset({"same-origin", "none"})
"""Of ``Sec-Fetch-Site``, which no page can set: the server's own page, or a person's hand."""


class AllowedOrigins:
    """A page may use the server that it came from. ``named``: whole origins of others that may too, or ``*``."""

    def __init__(self, named: Collection[str]) -> None:
        self._named = frozenset(named)

    def allow(self, headers: Headers) -> bool:
        """Whether a request that does something, or a WebSocket, with these headers may go on.

        What is no browser sends none of them. The origin ``null``, of pages without one, is like any other.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if ANY in self._named or origin in self._named:
            return True
        if site is not None:
            return site in _OWN
        return origin is None or urlsplit(origin).netloc == headers.get("host")
