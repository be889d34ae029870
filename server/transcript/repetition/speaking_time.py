"""The least time in which something can be said: what tells twenty words in half a second from twenty in twenty."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

_LATIN, _DENSE, _KANA, _SYLLABIC = 1 / 25, 1 / 20, 1 / 12, 1 / 10
"""Seconds of a character at a speed that nobody keeps up: alphabets; scripts that leave vowels out or write tones;
kana, a mora each; scripts with a syllable in a character. Ordinary speech has about half of that."""
_DIGIT = 0.12
"""A digit is a word."""
_SYLLABIC_NAMES = ("CJK", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "YI")
_DENSE_NAMES = (
    *("ARABIC", "HEBREW", "THAI", "LAO", "KHMER", "MYANMAR", "DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "TAMIL"),
    *("TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "ETHIOPIC"),
)
_RAMBLING, _RAMBLED = 1.5, 10.0
_HASTY, _HURRIED = 1.1, 2.0
"""Times that there is, and seconds beside, by which text is more than can be said, and may be."""
LETTERS_PER_SECOND = 25.0
"""Costs times this are lengths in letters of the Latin alphabet."""


@lru_cache(1 << 14)
def least_seconds(character: str) -> float:
    """What one character adds to the time that its text takes at least."""
    kind = unicodedata.category(character)
    if kind == "Nd":
        return _DIGIT
    script = unicodedata.name(character, "").split(" ", 1)[0]
    if script in ("HIRAGANA", "KATAKANA"):
        return _KANA
    if script.startswith(_SYLLABIC_NAMES) and kind[0] in "LN":
        return _SYLLABIC
    if script in _DENSE_NAMES:
        return _DENSE
    return 0.0 if kind[0] in "MC" else _LATIN


@lru_cache(1 << 14)
def is_said(character: str) -> bool:
    """Whether it is a letter, a digit or a sign that stands for a word, and no mark or blank."""
    kind = unicodedata.category(character)
    return kind[0] in "LNM" or kind in ("Sc", "Sm")


def rambles(least: float, time: float) -> bool:
    """Nobody can have said so much in ``time``, by far: what takes ``least`` at a speed that nobody keeps up.

    Auctioneers come to 1.4 times as much, for ten seconds; times may be wrong by some.
    """
    return least >= _RAMBLING * max(time, 0.0) + _RAMBLED


def may_ramble(least: float, time: float) -> bool:
    """It is more than anybody says already."""
    return least >= _HASTY * max(time, 0.0) + _HURRIED


def load(least: float, time: float, margin: float) -> float:
    """How much of ``time`` is needed at the least: 1 and more where nobody can have said it.

    ``margin``: seconds that times may be wrong by.
    """
    if time <= 0:
        return math.inf
    return least / (time + margin)
