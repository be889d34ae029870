"""How long segments began: some seconds of them with just the words that the model heard in these.

Where the words of a segment are in its audio nobody knows, so none can be cut. But a segment that is heard again and
again while it is said was short once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from server.transcript.segments import Segment
from server.transcript.word_breaks import in_unspaced_script

_LONG: Final = 5.0
"""Seconds: of longer segments a beginning is wanted."""
_SHORTEST: Final = 1.2
_MOVED: Final = 0.5
"""Seconds by which a segment may begin elsewhere in another answer, and is the same."""
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
        """What one that is closed began with if it is long, longest first; nothing where that is not known."""
        own = [heard for heard in self._heard if heard.start <= segment.start + _MOVED]
        self._heard = [heard for heard in self._heard if heard.start > segment.start + _MOVED]
        if segment.end - segment.start <= _LONG:
            return []
        return [
            replace(segment, start=heard.start, end=heard.end, text=text)
            for heard in reversed(own)
            if heard.start >= segment.start - _MOVED
            and heard.end - heard.start >= _SHORTEST
            and _begins(segment.text, text := heard.text.rstrip(_MARKS))
        ]


def _begins(text: str, words: str) -> bool:
    """Whether a text begins with these words, of which the last one is whole."""
    if not words or not text.startswith(words):
        return False
    behind = text[len(words) :][:1]
    return not behind.isalnum() or in_unspaced_script(behind)
