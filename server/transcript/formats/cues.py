"""Captions that fit the eye: segments, often long, cut into cues of two lines, with times estimated from the words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Segment, Transcript
from server.transcript.word_breaks import graphemes
from server.transcript.words import SENTENCE_ENDS, segment_words

COLUMNS = 42
LINES = 2


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption.

    Attributes:
        start: milliseconds.
        end: milliseconds, after ``start``.
        speaker: who speaks, to be shown; None when the whole transcript has one speaker, or nobody knows who.
        lines: one or two, of at most 42 columns (wide characters take two).
    """

    start: int
    end: int
    speaker: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, or a part of one that is longer than a line, and the columns it takes."""

    text: str
    width: int
    spaced: bool
    start: float
    end: float


def cues(transcript: Transcript, *, prefixed: bool = False) -> list[Cue]:
    """The speech of a transcript as cues, in order of their starts as WebVTT wants them.

    Args:
        transcript: what to show.
        prefixed: write ``Speaker 1: `` into the first cue of each segment, where there is more than one speaker.
    """
    labels = SpeakerLabels(transcript.speaker_names, transcript.channels)
    several = len({segment.speaker for segment in transcript.speech}) > 1
    found: list[Cue] = []
    for segment in transcript.speech:
        speaker = labels.caption(segment.speaker) if several and segment.speaker is not None else None
        pieces = list(_pieces(segment))
        if prefixed and speaker is not None:
            pieces = [*_prefix(speaker, segment.start), *pieces]
        found += _fill(pieces, speaker)
    return sorted(found, key=lambda cue: cue.start)


def _pieces(segment: Segment) -> Iterator[_Piece]:
    """The words with their times, and whether a space stands before them."""
    for count, word in enumerate(segment_words(segment)):
        spaced = count == 0 or bool(word.lead)
        chunks = _chunks(word.word)
        length = (word.end - word.start) / len(chunks)
        for number, (chunk, width) in enumerate(chunks):
            start = word.start + number * length
            yield _Piece(chunk, width, spaced and number == 0, start, min(start + length, word.end))


def _prefix(speaker: str, start: float) -> list[_Piece]:
    return [
        _Piece(chunk, width, number == 0, start, start)
        for word in f"{speaker}:".split()
        for number, (chunk, width) in enumerate(_chunks(word))
    ]


def _chunks(word: str) -> list[tuple[str, int]]:
    """A word as it is, or in parts that fit a line (two columns a character at most), no character cut; with widths."""
    if (width := _width(word)) <= COLUMNS:
        return [(word, width)]
    size = COLUMNS // 2
    shown = graphemes(word)
    parts = ["".join(shown[at : at + size]) for at in range(0, len(shown), size)]
    return [(part, _width(part)) for part in parts]


def _fill(pieces: list[_Piece], speaker: str | None) -> Iterator[Cue]:
    """Fill lines, and lines into cues. A sentence that ends in the last line ends the cue too."""
    lines, width = [""], 0
    first = last = pieces[0]
    for piece in pieces:
        lead = " " if piece.spaced and lines[-1] else ""
        width += len(lead) + piece.width
        sentence_over = len(lines) == LINES and last.text.endswith(SENTENCE_ENDS)
        if width <= COLUMNS and not sentence_over:
            lines[-1] += lead + piece.text
        else:
            if len(lines) == LINES:
                yield _cue(first, last, speaker, lines)
                first, lines = piece, []
            lines.append(piece.text)
            width = piece.width
        last = piece
    yield _cue(first, last, speaker, lines)


def _cue(first: _Piece, last: _Piece, speaker: str | None, lines: list[str]) -> Cue:
    start = round(first.start * 1000)
    return Cue(start, max(round(last.end * 1000), start + 1), speaker, tuple(lines))


def _width(text: str) -> int:
    """Columns on a screen: marks stand above, below and around a character, and a family of emoji is one."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(shown[0]) in "WF" else 1 for shown in graphemes(text))


def timestamp(milliseconds: int, point: str) -> str:
    """``01:02:03`` and the milliseconds behind ``point``."""
    total, rest = divmod(milliseconds, 1000)
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}{point}{rest:03}"
