"""How many live sessions there are, and the word to end them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from server.http.errors import ApiError

_RETRY_SECONDS = 5.0
"""Sessions end when people are done; nobody knows when."""


class LiveSessions:
    """The places for sessions of one application.

    Attributes:
        active: places taken.
        stopping: set when sessions are to say their last words and end.
    """

    def __init__(self, most: int) -> None:
        self.active = 0
        self.stopping = asyncio.Event()
        self._most = most

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one session. Raises ApiError (429) when all are taken."""
        if self.active >= self._most:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"All {self._most} places for live sessions are taken.",
                code="too_many_sessions",
                retry_after=_RETRY_SECONDS,
            )
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
