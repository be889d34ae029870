"""Which of a window's events are told: nothing that the next window may hear better, or that may be taken back."""

from __future__ import annotations

from typing import Final

from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent

PROGRESS: Final = 1.0
"""Seconds that a window has to tell of for another one to go on behind it."""


_CAREFUL = 768
_CAREFUL_SHARE = 0.15
"""Tokens before an answer's limit, of all of them, from which on words wait for the end of their segment: few have
more."""


def near_limit(tokens: int, limit: int) -> bool:
    """Whether an answer of so many tokens may end before its open segment does."""
    return tokens > limit - min(_CAREFUL, _CAREFUL_SHARE * limit)


class Telling:
    """Takes the events of one window in order, on the recording's clock.

    Args:
        border: a segment that ends behind it is left, with all that follow, to the next window, unless words of it were
            told already, or nothing before it.
        start: of the window.

    Attributes:
        careful: words are told only when their segment is whole, since the answer may end before it.
        over: something was left to the next window.
        until: where the last segment ends that was told.
    """

    def __init__(self, border: float, start: float) -> None:
        self.careful = False
        self.over = False
        self.until = start
        self._border = border
        self._start = start
        self._held: list[SpeechDelta] = []
        self._shown: SpeechDelta | None = None  # the last words of the open segment

    @property
    def open(self) -> bool:
        """Words of a segment were told that is not whole yet."""
        return self._shown is not None

    def feed(self, event: TranscriptEvent) -> list[TranscriptEvent]:
        """The next event. Returns what is told now."""
        if self.over:
            return []
        if isinstance(event, SegmentClosed):
            return self._close(event)
        if self._shown is None and (self.careful or event.times is None or event.times[1] > self._border):
            self._held.append(event)
            return []
        if self._held:  # it was not known where the segment ends
            self._held.append(event)
            return []
        self._shown = event
        return [event]

    def _close(self, event: SegmentClosed) -> list[TranscriptEvent]:
        held, self._held = self._held, []
        if event.segment.end > self._border and self._shown is None and self.until - self._start >= PROGRESS:
            self.over = True
            return []
        self._shown = None
        self.until = max(self.until, event.segment.end)
        return [*held, event]
