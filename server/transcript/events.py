"""What happens while an answer is read: words appear, segments close."""

from __future__ import annotations

from dataclasses import dataclass

from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Segment


@dataclass(frozen=True, slots=True)
class SpeechDelta:
    """The next words of an open segment that is certain to be speech.

    Attributes:
        segment: index of the segment they belong to.
        text: what to append; never empty. The texts of a segment's deltas add up to ``Segment.text``.
        times: start and end of the segment in seconds, if the answer has told both by now; they will not change.
        logprobs: of the tokens behind ``text``, where they are wanted.
    """

    segment: int
    text: str
    times: tuple[float, float] | None = None
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """A segment is whole; for speech, all its deltas came before.

    Attributes:
        source: its object as the model wrote it; None where a brace of it is missing.
        answered: tokens of the answer, forced beginnings aside, with which it was whole; None where nobody counts.
    """

    segment: Segment
    source: str | None = None
    answered: int | None = None


TranscriptEvent = SpeechDelta | SegmentClosed


def segment_of(event: TranscriptEvent) -> int:
    """Index of the segment that it is about."""
    return event.segment if isinstance(event, SpeechDelta) else event.segment.index
