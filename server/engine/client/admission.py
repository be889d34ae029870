"""How much work is taken in: a limit on requests, one on what they cost, and a fair guess of when to come back."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

from model.seam.streams import Priority

_MIN_RETRY, _MAX_RETRY = 1.0, 60.0
_JITTER = 0.2
"""By up to which share a wait is told shorter: who was refused together shall not come back together."""
_ASSUMED_SPEED = 10.0
"""Audio seconds per second until the first recording was measured."""
_MEMORY = 0.9
"""Weight of what was measured before, each time a recording completes."""
_SHARES = {Priority.HIGH: 1.25}
"""Of the limits, where a priority may fill another share than all: what goes first finds room behind a full queue."""


class Overloaded(Exception):  # noqa: N818 - a state of the server, not an error of somebody
    """No room now. ``retry_after``: seconds, up to 60. ``reason`` is fit for the client's eyes."""

    def __init__(self, retry_after: float, reason: str) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.reason = reason


class Charge(Protocol):
    """Hears what a request costs, and may raise to refuse it: but not what shows ``late``, while it is in work."""

    def __call__(self, seconds: float, /, *, late: bool = False) -> None: ...


def free_of_charge(_: float, *, late: bool = False) -> None:
    """A `Charge` to nobody."""


class Admission:
    """Counts everything that was admitted and has not ended. Knows no clock; may be called from any thread.

    Costs are seconds of audio, and prompts are counted as the audio that is as much work: see ``budget.work_seconds``.
    """

    def __init__(
        self,
        *,
        max_requests: int,
        max_audio_seconds: float,
        jitter: Callable[[], float] = lambda: random.uniform(1 - _JITTER, 1),  # noqa: S311 - spread, not secret
    ) -> None:
        """``jitter``: the next factor of a Retry-After."""
        self._max_requests = max_requests
        self._max_audio_seconds = max_audio_seconds
        self._jitter = jitter
        self._lock = Lock()
        self._requests = 0
        self._audio_seconds = 0.0
        self._done_audio = 0.0
        self._busy_seconds = 0.0
        self._busy_until = float("-inf")

    @property
    def requests(self) -> int:
        """Requests in work or waiting."""
        return self._requests

    @property
    def audio_seconds(self) -> float:
        """What the requests in work or waiting cost."""
        return self._audio_seconds

    @property
    def speed(self) -> float:
        """Audio seconds that are answered per second, over the last recordings."""
        return self._done_audio / self._busy_seconds if self._busy_seconds > 0 else _ASSUMED_SPEED

    @property
    def retry_after(self) -> float:
        """Seconds until what is queued now should be done, within 1 to 60; less the jitter."""
        return min(max(self._audio_seconds / max(self.speed, 1e-3), _MIN_RETRY), _MAX_RETRY) * self._jitter()

    def check(self, priority: Priority = Priority.NORMAL) -> None:
        """Raise Overloaded where `enter` would: for who brings much, and is better told before."""
        if self._requests >= self._share(priority) * self._max_requests:
            raise self._refusal(f"All {self._max_requests} places for requests are taken.")
        if self._audio_seconds >= self._share(priority) * self._max_audio_seconds:
            raise self._refusal("Too much audio is waiting to be transcribed.")

    def enter(self, priority: Priority = Priority.NORMAL, *, charge: Charge = free_of_charge) -> Ticket:
        """Admit a request. Raises Overloaded when there are as many, or as much work, as may be.

        ``charge`` is called with what the request costs, once there is room for it; what it raises is passed on.
        """
        with self._lock:
            self.check(priority)
            self._requests += 1
        return Ticket(self, self._share(priority), charge)

    def completed(self, audio_seconds: float, *, started: float, ended: float) -> None:
        """Learn the speed from a recording that was in work from ``started`` to ``ended`` (any monotonic clock).

        ``audio_seconds``: what it cost. Recordings run side by side, so only the part of the time that no earlier
        completion has covered counts.
        """
        with self._lock:
            busy = max(0.0, ended - max(started, self._busy_until))
            self._busy_until = max(self._busy_until, ended)
            self._done_audio = self._done_audio * _MEMORY + audio_seconds
            self._busy_seconds = self._busy_seconds * _MEMORY + busy

    @staticmethod
    def _share(priority: Priority) -> float:
        return _SHARES.get(priority, 1.0)

    def _refusal(self, reason: str) -> Overloaded:
        return Overloaded(self.retry_after, reason)

    def _add_audio(self, seconds: float, share: float) -> None:
        with self._lock:
            # A recording longer than the limit would be refused for ever; it is taken when nothing else is there.
            if self._audio_seconds > 0 and self._audio_seconds + seconds > share * self._max_audio_seconds:
                raise self._refusal("Too much audio is waiting to be transcribed.")
            self._audio_seconds += seconds

    def _leave(self, audio_seconds: float) -> None:
        with self._lock:
            self._requests -= 1
            # Without requests there is no audio; rounding of the sums must not say otherwise.
            self._audio_seconds = self._audio_seconds - audio_seconds if self._requests else 0.0


class Ticket:
    """The place of one request. Context manager; leaving it gives everything back, once."""

    def __init__(self, admission: Admission, share: float, charge: Charge) -> None:
        self._admission = admission
        self._share = share
        self._charge = charge
        self._audio_seconds = 0.0
        self._left = False

    def add_audio(self, seconds: float) -> None:
        """Count more for this request, see ``budget.work_seconds``. Raises Overloaded when too much is queued."""
        self._admission._add_audio(seconds, self._share)
        self._audio_seconds += seconds
        self._charge(seconds)

    def add_late_audio(self, seconds: float) -> None:
        """Count what shows while the request is in work: it is not refused any more, those who come next are."""
        self._admission._add_audio(seconds, inf)
        self._audio_seconds += seconds
        self._charge(seconds, late=True)

    def leave(self) -> None:
        """Give place and audio back; harmless when repeated."""
        if not self._left:
            self._left = True
            self._admission._leave(self._audio_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
