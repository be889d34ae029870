"""What a key has in work, held against what it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from server.http.auth.keys import NO_LIMITS, KeyLimits
from server.http.auth.token_bucket import TokenBucket

_MINUTE: Final = 60.0
_MIN_RETRY, _MAX_RETRY = 1.0, 60.0
_SESSION_RETRY: Final = 5.0
"""Sessions end when people are done; nobody knows when."""
_MEMORY: Final = 0.8
"""Weight of the requests before, each time that one ends."""

HEADERS: Final = {
    "x-ratelimit-limit-requests": "Requests with recordings that the key may have at once.",
    "x-ratelimit-remaining-requests": "How many more it may have now.",
    "x-ratelimit-limit-audio-seconds": "Seconds of audio that the key may have per minute.",
    "x-ratelimit-remaining-audio-seconds": "How many of them are left.",
    "x-ratelimit-reset-audio-seconds": "After which time all are there again, as in `2.50s`.",
}
"""Those of ``Account.headers``, and what they mean."""


class LimitReached(Exception):  # noqa: N818 - a state of the key, not an error of somebody
    """The key has all that it may have now.

    Attributes:
        message: which limit it is, fit for the client's eyes.
        retry_after: seconds after which there is room again, or may be.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class Account:
    """Of one key, for as long as the process lives. For one event loop.

    Seconds of audio are taken out of a bucket that holds those of a minute. A recording is taken while something is in
    it, however long it is, for otherwise no recording of more than a minute's share could ever be: the next has to wait
    until what was overdrawn is made up for.

    Attributes:
        limits: see KeyLimits; may be replaced.
        requests, live_sessions: at this moment.
    """

    def __init__(self, limits: KeyLimits = NO_LIMITS, *, clock: Callable[[], float] = monotonic) -> None:
        """``clock``: monotonic seconds."""
        self.requests = self.live_sessions = 0
        self._clock = clock
        self._took: float | None = None  # seconds of a request, on average
        self._bucket: TokenBucket | None = None
        self.limits = limits

    @property
    def limits(self) -> KeyLimits:
        return self._limits

    @limits.setter
    def limits(self, limits: KeyLimits) -> None:
        self._limits = limits
        share = limits.audio_seconds_per_minute
        if share is None:
            self._bucket = None
        elif self._bucket is None or self._bucket.capacity != share:
            now, old = self._clock(), self._bucket
            self._bucket = TokenBucket(share / _MINUTE, share, now)
            if old is not None:  # what was used up stays used up
                self._bucket.take(share - min(share, old.level(now)), now)

    @contextmanager
    def request(self) -> Iterator[None]:
        """A place for one request with a recording. Raises LimitReached."""
        most = self._limits.max_requests
        if most is not None and self.requests >= most:
            wait = (self._took or 0.0) / max(most, 1)
            raise _refusal(f"This key may have {_counted(most, 'request')} at once.", min(wait, _MAX_RETRY))
        self.check_audio()
        self.requests += 1
        began = self._clock()
        try:
            yield
        finally:
            self.requests -= 1
            took = self._clock() - began
            self._took = took if self._took is None else _MEMORY * self._took + (1 - _MEMORY) * took

    @contextmanager
    def session(self, channels: int) -> Iterator[None]:
        """A place for each channel of a live session. Raises LimitReached."""
        most = self._limits.max_live_sessions
        if most is not None and self.live_sessions + channels > most:
            raise _refusal(f"This key may have {_counted(most, 'live session')} at once.", _SESSION_RETRY)
        self.check_audio()
        self.live_sessions += channels
        try:
            yield
        finally:
            self.live_sessions -= channels

    def charge(self, seconds: float, *, late: bool = False) -> None:
        """Count so much audio. Raises LimitReached, and counts nothing, where all was used up before.

        ``late``: of a recording that is in work, and not refused any more.
        """
        if not late:
            self.check_audio()
        if self._bucket is not None:
            self._bucket.take(seconds, self._clock())

    def check_audio(self) -> None:
        """Raise LimitReached where all audio of this minute is used up."""
        if (bucket := self._bucket) is not None and bucket.level(now := self._clock()) <= 0:
            message = f"This key may have {bucket.capacity:g} seconds of audio per minute."
            raise _refusal(message, bucket.wait(1.0, now))  # known, and long where a long recording was taken

    @property
    def headers(self) -> dict[str, str]:
        """What there is left of the limits, as OpenAI and Groq tell it; nothing about what is not limited.

        There is no ``reset`` of requests: they end when they are answered.
        """
        told: dict[str, str] = {}
        if (most := self._limits.max_requests) is not None:
            told["x-ratelimit-limit-requests"] = str(most)
            told["x-ratelimit-remaining-requests"] = str(max(0, most - self.requests))
        if (bucket := self._bucket) is not None:
            now = self._clock()
            told["x-ratelimit-limit-audio-seconds"] = f"{bucket.capacity:g}"
            told["x-ratelimit-remaining-audio-seconds"] = f"{max(0.0, bucket.level(now)):.2f}"
            told["x-ratelimit-reset-audio-seconds"] = f"{bucket.wait(bucket.capacity, now):.2f}s"
        return told


def _refusal(message: str, wait: float) -> LimitReached:
    return LimitReached(message, max(wait, _MIN_RETRY))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
