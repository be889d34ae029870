"""What the model says twice, most of all where a window begins: once in no time, or as if it stood in front of it."""

from __future__ import annotations

from typing import Final

from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent

_HARDLY: Final = 0.1
"""Seconds in which nobody says anything."""


class Undoubled:
    """Lets the events of a window pass, but for a segment that takes no time, or ends where the voices in front do, and
    is said again by the next one.

    One that is not said again is told where it stands: its words are nowhere else.

    Args:
        border: where the voices in front end, in seconds of the window.
    """

    def __init__(self, border: float) -> None:
        self._border = border + _HARDLY
        self._held: list[TranscriptEvent] = []
        self._first: SegmentClosed | None = None  # that may be said again
        self._behind = 0  # how much of what is held comes before the end of that

    def feed(self, event: TranscriptEvent) -> list[TranscriptEvent]:
        """The next event. Returns what passes now."""
        if not self._held and not self._is_unlikely(event):
            return [event]
        self._held.append(event)
        if not isinstance(event, SegmentClosed):
            return []
        again = self._first is not None and _words(self._first) == _words(event)
        first, rest = self._held[: self._behind], self._held[self._behind :]
        passing = [] if again else first
        if self._is_unlikely(event):
            self._held, self._first, self._behind = rest, event, len(rest)
            return passing
        self.finish()
        return [*passing, *rest]

    def finish(self) -> list[TranscriptEvent]:
        """Nothing follows: what was held passes."""
        held, self._held = self._held, []
        self._first, self._behind = None, 0
        return held

    def _is_unlikely(self, event: TranscriptEvent) -> bool:
        times = event.times if isinstance(event, SpeechDelta) else (event.segment.start, event.segment.end)
        return times is not None and (times[1] <= self._border or times[1] - times[0] < _HARDLY)


def _words(event: SegmentClosed) -> list[str]:
    return event.segment.text.casefold().split()
