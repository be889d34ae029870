"""Segments whose words are each as probable as a test says."""

from __future__ import annotations

from itertools import accumulate, pairwise

from server.transcript.probabilities import Probabilities
from server.transcript.segments import Segment


def by_words(text: str, *logprobs: float) -> Probabilities:
    """A token for each word of ``text`` between spaces."""
    places = pairwise(accumulate(map(len, text.split()), initial=0))
    spans = [(begin, end, p) for (begin, end), p in zip(places, logprobs, strict=True)]
    known = Probabilities.of(spans, len("".join(text.split())))
    assert known is not None
    return known


def spoken(text: str, *logprobs: float, start: float = 0.0, end: float = 4.0, speaker: int = 0) -> Segment:
    """The segment of these words."""
    mean = sum(logprobs) / len(logprobs)
    return Segment(0, start, end, speaker, text, mean, probabilities=by_words(text, *logprobs))
