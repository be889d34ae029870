"""How long a session's client waits for words: from the moment at which their audio was there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable

_STEP = 0.1
"""Seconds of audio whose arrival is remembered as one."""
_REMEMBERED = 8192
"""Arrivals: some minutes at least. What comes later than that is late enough."""

Observe = Callable[[float], None]


class Delays:
    """Knows no clock: ``now`` is monotonic seconds, and positions are seconds of the session's audio.

    Args:
        word: called with the delay of each word that became final.
        flush: called with the time that each flush took, from the end of a turn or a client's wish.

    Attributes:
        first_words: seconds from the first audio to the first words, None without any.
    """

    def __init__(self, word: Observe, flush: Observe) -> None:
        self.first_words: float | None = None
        self._first_audio: float | None = None
        self._word = word
        self._flush = flush
        self._until: list[float] = []
        self._at: list[float] = []
        self._asked: dict[Hashable, float] = {}

    def heard(self, until: float, now: float) -> None:
        """The audio up to ``until`` came."""
        if self._first_audio is None:
            self._first_audio = now
        if len(self._until) > 1 and until - self._until[-2] < _STEP:
            self._until[-1], self._at[-1] = until, now
            return
        self._until.append(until)
        self._at.append(now)
        if len(self._until) > _REMEMBERED:
            del self._until[: _REMEMBERED // 2], self._at[: _REMEMBERED // 2]

    def worded(self, now: float) -> None:
        """There are words, final or not."""
        if self.first_words is None and self._first_audio is not None:
            self.first_words = now - self._first_audio

    def committed(self, end: float, now: float) -> None:
        """A word that ends at ``end`` is final. Its end is an estimate, and may lie behind the audio."""
        if self._until:
            place = min(bisect_left(self._until, end), len(self._until) - 1)
            self._word(now - self._at[place])

    def asked(self, flush: Hashable, now: float) -> None:
        """All that was heard is to become final."""
        self._asked[flush] = now

    def flushed(self, flush: Hashable, now: float) -> None:
        """It has."""
        if (asked := self._asked.pop(flush, None)) is not None:
            self._flush(now - asked)
