"""How long somebody is waited for who cannot now: as they ask, and not for ever."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Callable

from server.commandline.faults import Refused

_LEAST = 0.2
_LONGEST = 60.0


class Patience:
    """Of one request, over all of its tries.

    Args:
        seconds: of waiting in all.
        say: hears why it is waited, and for how long.
    """

    def __init__(self, seconds: float, say: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._left = seconds
        self._say = say
        self._tries = 0

    def renew(self) -> None:
        """Something went on: the next trouble is another one."""
        self._left, self._tries = self._seconds, 0

    async def wait(self, refusal: Refused) -> None:
        """Until it may be tried again. Raises the refusal where another try makes no sense, or it was enough."""
        await sleep(self._next(refusal))

    def wait_here(self, refusal: Refused) -> None:
        """The same without an event loop."""
        time.sleep(self._next(refusal))

    def _next(self, refusal: Refused) -> float:
        if refusal.retry_after is None or self._left <= 0:
            raise refusal
        self._tries += 1
        wanted = max(refusal.retry_after, _LEAST) * min(1.5 ** (self._tries - 1), 8)
        pause = min(wanted, _LONGEST, self._left)
        self._left -= pause
        self._say(f"{refusal.message} Trying again in {pause:.0f} s.")
        return pause
