"""Word timestamps, estimated: the model times segments, and words share their segment's time by their letters."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from server.transcript.segments import Segment

# Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED += "\uff66-\uff9f\U00020000-\U0003ffff"
_OPENING = "「『（《〈【“‘"
# One character with the marks and punctuation that belong to it, or a run of anything else but spaces.
_WORD = re.compile(rf"[{_OPENING}]*[{_UNSPACED}](?:(?![{_OPENING}])[^\w\s])*|[^\s{_UNSPACED}]+")
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_UNSPACED_WEIGHT = 3
"""Letters that take about as long to say as one such character, which is often a syllable."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its estimated time in seconds."""

    word: str
    start: float
    end: float
    speaker: int | None


def split_words(text: str) -> list[str]:
    """The words of a text with their punctuation; in scripts without spaces, its characters."""
    return _WORD.findall(text)


def leads(text: str) -> list[str]:
    """What stands before each of the words of a text: a space, or nothing between characters of unspaced scripts."""
    spans = [found.span() for found in _WORD.finditer(text)]
    ends = [0, *(end for _, end in spans)]
    return [" " if text[end:start] else "" for end, (start, _) in zip(ends, spans, strict=False)]


def segment_words(segment: Segment) -> list[Word]:
    """The words of a segment, back to back from its start to its end, each as long as its share of the letters."""
    words = split_words(segment.text)
    reached = [0, *itertools.accumulate(_weight(word) for word in words)]
    length = segment.end - segment.start
    # The last time is the segment's own end and not a sum that may be off by a rounding.
    times = [*(segment.start + length * (before / reached[-1]) for before in reached[:-1]), segment.end]
    return [
        Word(word, start, end, segment.speaker)
        for word, (start, end) in zip(words, itertools.pairwise(times), strict=True)
    ]


def _weight(word: str) -> int:
    letters = sum(character.isalnum() for character in word)
    unspaced = len(_UNSPACED_LETTER.findall(word))
    return max(letters + unspaced * (_UNSPACED_WEIGHT - 1), 1)
