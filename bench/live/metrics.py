"""What the event log of a live session says about it. Pure; all times in seconds.

Words are compared without case and punctuation. The text shown at a moment is what is committed by then and the
hypothesis behind it; it changes with every ``Hypothesis``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from math import nan

from server.live.captions.units import plain
from server.live.vocabulary.events import Hypothesis, SessionEvent, WordsCommitted
from server.transcript.word_breaks import cut_words
from server.transcript.words import Word

_SLACK = 4
"""Words that a hypothesis may have missed and still count as showing those behind them."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event, and when it came, from the moment on at which the session's first sample was spoken."""

    at: float
    event: SessionEvent


@dataclass(frozen=True, slots=True)
class FinalWord:
    """A committed word: when it was first shown, in a hypothesis or for good, and when it was committed."""

    text: str
    shown: float
    committed: float


@dataclass(frozen=True, slots=True)
class Display:
    """What was shown from ``at`` on: so many committed words, and the words of the hypothesis."""

    at: float
    committed: int
    tentative: tuple[str, ...]


def displays(log: Sequence[Logged]) -> list[Display]:
    """The texts shown one after the other."""
    shown: list[Display] = []
    committed = 0
    for logged in log:
        match logged.event:
            case WordsCommitted(words=words):
                committed += len(words)
            case Hypothesis(segments):
                tentative = tuple(plain(word) for segment in segments for _, word in cut_words(segment.text))
                shown.append(Display(logged.at, committed, tentative))
            case _:
                pass
    return shown


def final_words(log: Sequence[Logged]) -> list[FinalWord]:
    """All committed words in order."""
    committed = [
        (plain(word.word), logged.at)
        for logged in log
        if isinstance(logged.event, WordsCommitted)
        for word in logged.event.words
    ]
    texts = [text for text, _ in committed]
    shown: dict[int, float] = {}
    for display in displays(log):
        behind = texts[display.committed : display.committed + len(display.tentative) + _SLACK]
        for _, place in matches(display.tentative, behind):
            shown.setdefault(display.committed + place, display.at)
    return [FinalWord(text, min(at, shown.get(place, at)), at) for place, (text, at) in enumerate(committed)]


def matches(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the words that two texts have in common, in the order of both."""
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]


@dataclass(frozen=True, slots=True)
class Delays:
    """Of the words that were said and recognized, from the end of each in the recording.

    Attributes:
        first: until the word was shown first.
        final: until it was committed.
        share: of the words said, those recognized.
    """

    first: tuple[float, ...]
    final: tuple[float, ...]
    share: float


def delays(said: Sequence[Word], final: Sequence[FinalWord]) -> Delays:
    """``said``: the reference. Words that were not recognized have no delay."""
    found = matches([plain(word.word) for word in said], [word.text for word in final])
    return Delays(
        tuple(final[place].shown - said[i].end for i, place in found),
        tuple(final[place].committed - said[i].end for i, place in found),
        len(found) / len(said) if said else nan,
    )


def laal(emitted: Sequence[float], *, seconds: float, said: int) -> float:
    """Length-adaptive average lagging (Papi et al. 2022), computation aware; nan where nothing was emitted.

    How far words are behind a speaker who says as many words as were said, or emitted if that is more, evenly over the
    recording. Words behind the first one that came after the recording's end do not count.

    Args:
        emitted: when each word was committed.
        seconds: length of the recording.
        said: words of the reference.
    """
    if not emitted:
        return nan
    pace = seconds / max(len(emitted), said)
    counted = next((count for count, at in enumerate(emitted, start=1) if at >= seconds), len(emitted))
    return sum(at - i * pace for i, at in enumerate(emitted[:counted])) / counted


def unstable_words(log: Sequence[Logged]) -> int:
    """Words that were shown and taken back: of each text shown, all from the first that is not in the next text."""
    final = [word.text for word in final_words(log)]
    texts = [(*final[: display.committed], *display.tentative) for display in displays(log)]
    return sum(len(one) - _common(one, other) for one, other in pairwise([*texts, tuple(final)]))


def upwr(log: Sequence[Logged]) -> float:
    """Unstable partial word ratio (Shangguan et al. 2020): unstable words for each final word; nan without words."""
    final = len(final_words(log))
    return unstable_words(log) / final if final else nan


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Words that both begin with."""
    count = 0
    for word, beside in zip(one, other, strict=False):
        if word != beside:
            break
        count += 1
    return count
