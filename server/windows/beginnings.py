"""How long segments began: some seconds of them with just the words that the model heard in these.

Where the words of a segment are in its audio nobody knows. But a segment that is heard again and again while it is
said was short once. Where it was not, since the audio came too fast, the words in front of a pause are estimated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import Final

from server.transcript.segments import Segment
from server.transcript.word_breaks import in_unspaced_script
from server.transcript.words import joined, segment_words

_LONG: Final = 5.0
"""Seconds: of longer segments a beginning is wanted."""
_SHORTEST: Final = 1.2
_MOVED: Final = 0.5
"""Seconds by which a segment may begin elsewhere in another answer, and is the same."""
_BLUR: Final = 0.15
"""Seconds by which the end of one may be wrong."""
_MARKS: Final = " .,;:!?…‥。．、，；：！？।॥،؛؟۔-–—"
"""That stand where a text ends for now, and not where it goes on."""


class Beginnings:
    """Of one recording or session. Times: its seconds."""

    def __init__(self) -> None:
        self._heard: list[Segment] = []

    def note(self, segment: Segment) -> None:
        """The last one of an answer: it may go on."""
        if segment.end - segment.start <= _LONG:
            self._heard.append(segment)

    def of(self, segment: Segment) -> list[Segment]:
        """What one that is closed began with if it is long, longest first; nothing where that cannot be told.

        Up to a pause where there is any: otherwise it may end within a word, as what was heard then did. What is
        shorter than all of these is told as well: in front of a window there may be no room for anything longer.
        """
        own = [heard for heard in self._heard if heard.start <= segment.start + _MOVED]
        self._heard = [heard for heard in self._heard if heard.start > segment.start + _MOVED]
        if segment.end - segment.start <= _LONG:
            return []
        known = [
            replace(segment, start=heard.start, end=heard.end, text=text)
            for heard in reversed(own)
            if heard.start >= segment.start - _MOVED
            and heard.end - heard.start >= _SHORTEST
            and _begins(segment.text, text := heard.text.rstrip(_MARKS))
        ]
        whole = [part for part in known if _ends_in_pause(part)]
        least = min((part.end for part in whole), default=inf)
        return [*whole, *(part for part in known if part.end < least)] or list(_estimated(segment))


def _ends_in_pause(part: Segment) -> bool:
    """``part``: with the pauses of the whole."""
    return any(pause - _BLUR <= part.end <= over + _BLUR for pause, over in part.pauses)


def _estimated(segment: Segment) -> Iterator[Segment]:
    words = segment_words(segment)
    for pause, over in reversed(segment.pauses):
        text = joined(word for word in words if word.end <= (pause + over) / 2)
        if text and _SHORTEST <= pause - segment.start <= _LONG:
            yield replace(segment, end=pause, text=text)


def _begins(text: str, words: str) -> bool:
    """Whether a text begins with these words, of which the last one is whole."""
    if not words or not text.startswith(words):
        return False
    behind = text[len(words) :][:1]
    return not behind.isalnum() or in_unspaced_script(behind)
