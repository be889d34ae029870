"""How many live sessions there are, and the word to end them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from server.http.auth.accounts import Account
from server.http.errors import ApiError, invalid
from server.live.channel_transcribers import ChannelTranscribers

_RETRY_SECONDS = 5.0
"""Sessions end when people are done; nobody knows when."""


class LiveSessions:
    """The places for sessions of one application: one for each channel that is transcribed for itself.

    Attributes:
        active: places taken.
        stopping: set when sessions are to say their last words and end.
    """

    def __init__(self, most: int) -> None:
        self.active = 0
        self.stopping = asyncio.Event()
        self._most = most
        self._running: set[ChannelTranscribers] = set()

    @property
    def backlogs(self) -> list[float]:
        """Seconds of audio that wait for the model, of each session that runs."""
        return [transcribers.backlog for transcribers in tuple(self._running)]

    @contextmanager
    def running(self, transcribers: ChannelTranscribers) -> Iterator[None]:
        """While a session is transcribed by these."""
        self._running.add(transcribers)
        try:
            yield
        finally:
            self._running.discard(transcribers)

    @contextmanager
    def places(self, account: Account, channels: int) -> Iterator[None]:
        """Places for one session of so many channels, of all and of those of ``account``.

        Raises ApiError, 429 when too many are taken, 400 if there never are so many, and LimitReached.
        """
        if channels > self._most:
            raise invalid("channels", f"Each channel takes a place, and there are only {self._most} for live sessions.")
        if self.active + channels > self._most:
            taken = f"All {self._most}" if self.active == self._most else f"{self.active} of {self._most}"
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{taken} places for live sessions are taken.",
                code="too_many_sessions",
                retry_after=_RETRY_SECONDS,
            )
        with account.session(channels):
            self.active += channels
            try:
                yield
            finally:
                self.active -= channels
