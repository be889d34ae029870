"""The words of a segment as pieces of a line: how wide, when said, and what a break behind each is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import regex

from server.transcript.formats.subtitles.bound_words import BOUND_WORDS, TITLES
from server.transcript.formats.subtitles.columns import chunks, columns
from server.transcript.segments import Segment
from server.transcript.word_breaks import line_ends
from server.transcript.words import SENTENCE_ENDS, Word, joined, segment_words

SENTENCE, CLAUSE, BEFORE_BOUND, WORD, BOUND, FORBIDDEN = 0.0, 1.0, 2.0, 3.0, 9.0, 40.0
"""What a break costs: behind a sentence, behind a clause, in front of a preposition and the like, between other words,
inside of what belongs together (an article and its noun, a Japanese phrase, the parts of a long word), and where it is
against the rules (kinsoku), so that only what fits nowhere else is broken there."""

LONGEST_WORD = 42
"""Columns up to which a word is left whole even where lines are shorter: longer ones are addresses and the like."""

_CLAUSE_ENDS = (",", ";", ":", "–", "—", "،", "؛", "、", "，", "；", "：", "・")
_CLOSERS = "\"'”’»›)]」』）】"
_UNSEEN = regex.compile(r"[\p{Cc}\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, or a part of one that is longer than a line.

    Attributes:
        text: its letters.
        width: columns they take.
        spaced: whether a space stands before it.
        start: when it is said, in seconds.
        end: and until when.
        joint: what a break behind it costs.
    """

    text: str
    width: int
    spaced: bool
    start: float
    end: float
    joint: float


def pieces(segment: Segment, width: int) -> list[Piece]:
    """The words of a segment for lines of ``width`` columns. Control characters, which have no look, are left out."""
    text = visible(segment.text)
    if not text:
        return []
    words = segment_words(replace(segment, text=text))
    made: list[Piece] = []
    for word, joint in zip(words, _joints(words), strict=True):
        made += _parts(word, joint, max(width, LONGEST_WORD))
    return made


def visible(text: str) -> str:
    """A text in one line, without what has no look and breaks readers of subtitles, such as NUL."""
    return " ".join(filter(None, (_UNSEEN.sub("", part) for part in text.split())))


def written(line: Sequence[Piece]) -> str:
    """Pieces as a text."""
    return "".join(" " * (piece.spaced and place > 0) + piece.text for place, piece in enumerate(line))


def _parts(word: Word, joint: float, width: int) -> Iterator[Piece]:
    """One, as a rule. A mark that stands apart (``Quoi ?``) is a part by itself, from which lines are broken last."""
    parts = [
        (part, bool(place) and not number)
        for place, text in enumerate(word.word.split())
        for number, part in enumerate(chunks(text, width))
    ]
    times = [word.start + (word.end - word.start) * number / len(parts) for number in range(len(parts))]
    for number, (part, spaced) in enumerate(parts):
        last = number == len(parts) - 1
        yield Piece(
            part,
            columns(part),
            spaced or (bool(word.lead) and not number),
            times[number],
            word.end if last else times[number + 1],
            joint if last else BOUND,
        )


def _joints(words: Sequence[Word]) -> Iterator[float]:
    """What a break behind each word costs."""
    unspaced = any(not word.lead for word in words[1:])
    text = joined(words)
    allowed = line_ends(text, phrases=False) if unspaced else frozenset()
    phrases = line_ends(text) if unspaced else frozenset()
    reached = 0
    for place, (word, behind) in enumerate(zip(words, [*words[1:], None], strict=True)):
        reached += len(word.lead) * (place > 0) + len(word.word)
        if behind is None:
            yield SENTENCE
        elif behind.lead or reached in phrases:
            yield _joint(word.word, behind.word)
        else:
            yield BOUND if reached in allowed else FORBIDDEN


def _joint(word: str, behind: str) -> float:
    """What a break between two words costs, where there may be one."""
    bare = word.rstrip(_CLOSERS)
    plain = bare.casefold()
    if plain in BOUND_WORDS or plain in TITLES:
        return BOUND
    if bare.endswith(SENTENCE_ENDS) and not bare.removesuffix(".").isdecimal():
        return SENTENCE
    if bare.endswith(_CLAUSE_ENDS):
        return CLAUSE
    return BEFORE_BOUND if behind.casefold() in BOUND_WORDS else WORD
