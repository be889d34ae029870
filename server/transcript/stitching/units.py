"""The words of segments as two windows can be compared by them: letters alone, with an estimated time.

Scripts without spaces are compared character by character: where a dictionary sees words depends on what stands beside
them, and windows end in different places.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex

from server.transcript.logprobs import seen
from server.transcript.segments import UNINTELLIGIBLE, Segment
from server.transcript.word_breaks import letters
from server.transcript.words import segment_words

_UNSAID = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
_MARKS = regex.compile(r"[\u064b-\u065f\u0670\u0640]")  # Arabic vowel signs and the stretching of letters
_LONG_WORD: Final = 8
"""Letters from which on a word says no more about where one is."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, or a character of a script without spaces.

    Attributes:
        key: its letters and digits, case folded; what it is compared by.
        text: as it was written, with its punctuation.
        lead: what stands between it and the one before: a space or nothing.
        start: seconds from the start of the recording, estimated.
        end: seconds.
        segment: it is of, on the recording's clock.
        place: among the units of the segment, from 0.
        last: it is the segment's last.
        before: characters seen of the segment in front of it.
    """

    key: str
    text: str
    lead: str
    start: float
    end: float
    segment: Segment
    place: int
    last: bool
    before: int

    @property
    def middle(self) -> float:
        """When it is said."""
        return (self.start + self.end) / 2

    @property
    def weight(self) -> float:
        """How much it tells when the same stands in two texts: long words are seldom the same by chance."""
        return _weight(self.key)


def is_words(segment: Segment) -> bool:
    """Whether a segment holds words: no tag, and nothing that could not be understood."""
    return segment.is_speech and segment.text != UNINTELLIGIBLE


def units_of(segments: Iterable[Segment]) -> list[Unit]:
    """The units of all segments that hold words, segment by segment."""
    units = []
    for segment in segments:
        if not is_words(segment):
            continue
        words = [character for word in segment_words(segment) for character in word.characters]
        before = 0
        for place, word in enumerate(words):
            last = place == len(words) - 1
            key = _key(word.word)
            units.append(Unit(key, word.word, word.lead, word.start, word.end, segment, place, last, before))
            before += seen(word.word)
    return units


@lru_cache(1 << 14)
def _key(word: str) -> str:
    """Nothing but punctuation stays as it is: it is compared, too."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return _UNSAID.sub("", _MARKS.sub("", folded)) or word


@lru_cache(1 << 14)
def _weight(key: str) -> float:
    return min(letters(key), _LONG_WORD) / 5
