"""A transcript put together from what one answer after the other says: one numbering of segments, spaces between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Segment


class TranscriptBuilder:
    """Takes events segment by segment: the deltas of one, then its end. Joined, deltas are the text of what was added.

    Args:
        begun: segments that stand already, with whatever text; the first delta is told with the space behind it.

    Attributes:
        segments: so far.
        logprobs: of the tokens of what was added.
        settled: how many of them are of segments that are whole.
    """

    def __init__(self, begun: Sequence[Segment] = ()) -> None:
        self.segments = list(begun)
        self.logprobs: list[TokenLogprob] = []
        self.settled = 0
        self._spoken = any(segment.is_speech for segment in begun)
        self._in_segment = False

    def add(self, events: Iterable[TranscriptEvent]) -> list[TranscriptEvent]:
        """The next events, as callers get them; their indices mean nothing."""
        return [self._closed(event) if isinstance(event, SegmentClosed) else self._said(event) for event in events]

    def _said(self, delta: SpeechDelta) -> SpeechDelta:
        text = delta.text
        if not self._in_segment:
            text = f" {text}" if self._spoken else text
            self._in_segment = self._spoken = True
        self.logprobs += delta.logprobs
        return replace(delta, segment=len(self.segments), text=text)

    def _closed(self, event: SegmentClosed) -> SegmentClosed:
        closed = replace(event.segment, index=len(self.segments))
        self.segments.append(closed)
        self._in_segment = False
        self.settled = len(self.logprobs)
        return replace(event, segment=closed)


def later(event: TranscriptEvent, seconds: float) -> TranscriptEvent:
    """The event on a clock that shows so many seconds more."""
    if isinstance(event, SpeechDelta):
        return replace(event, times=event.times and (event.times[0] + seconds, event.times[1] + seconds))
    segment = event.segment
    return replace(event, segment=replace(segment, start=segment.start + seconds, end=segment.end + seconds))
