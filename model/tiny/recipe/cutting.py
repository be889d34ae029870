"""Stretches of recordings, as a live stream or a window of one takes them.

What is written down of one is what a listener who heard no more could have written.
"""

from dataclasses import replace

from .recordings import Recording, Segment
from .speech.utterance import SAMPLE_RATE

_LONG_GAP = 3.0  # seconds without speech from which the transcript says so
_TOLERANCE = 0.03  # a word that lacks no more than this was said to its end


def cut(recording: Recording, start: float, end: float) -> Recording:
    """The stretch between two times, in seconds."""
    samples = recording.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    kept = (_cut_segment(segment, start, end) for segment in recording.segments)
    return Recording(samples, [segment for segment in kept if segment is not None])


def _cut_segment(segment: Segment, start: float, end: float) -> Segment | None:
    """What remains of a segment between two times, with times counted from `start`; None if nothing can be written."""
    if segment.end <= start or segment.start >= end:
        return None
    if segment.tag:
        first, last = max(segment.start, start), min(segment.end, end)
        return Segment(first - start, last - start, -1, tag=segment.tag) if last - first >= _LONG_GAP else None
    kept = [word for word in segment.words if word.start >= start - _TOLERANCE and word.end <= end + _TOLERANCE]
    if not kept:
        return None
    torn_head = any(word.start < start - _TOLERANCE < word.end for word in segment.words)
    torn_tail = any(word.start < end - _TOLERANCE and word.end > end + _TOLERANCE for word in segment.words)
    return Segment(
        0.0 if torn_head else max(kept[0].start - start, 0.0),
        (end if torn_tail else min(kept[-1].end, end)) - start,
        segment.voice,
        tuple(replace(word, start=max(word.start - start, 0.0), end=min(word.end, end) - start) for word in kept),
        complete=kept[-1] == segment.words[-1],
    )
