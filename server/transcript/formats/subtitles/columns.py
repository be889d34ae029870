"""How wide a text is on a screen, and where one that is too wide may be cut."""

from __future__ import annotations

import unicodedata

import regex

from server.transcript.word_breaks import graphemes, line_ends

# Emoji by themselves, by a selector, and flags, which are two letters without a width of their own.
_WIDE = regex.compile(r"\p{Emoji_Presentation}|.+\ufe0f|\p{Regional_Indicator}{2}", regex.DOTALL)
_UNSEEN = regex.compile(r"[\p{Cf}\p{M}\p{Cc}]+")


def columns(text: str) -> int:
    """Columns on a screen: marks stand above, below and around a character, and a family of emoji is one."""
    if text.isascii():
        return len(text)
    return sum(map(_grapheme, graphemes(text)))


def _grapheme(shown: str) -> int:
    if unicodedata.east_asian_width(shown[0]) in "WF" or _WIDE.match(shown):
        return 2
    return 0 if _UNSEEN.fullmatch(shown) else 1


def chunks(word: str, width: int) -> list[str]:
    """A word in parts of at most ``width`` columns (2 or more), cut where a line may end, but never in a character."""
    if columns(word) <= width:
        return [word]
    found: list[str] = []
    ends, phrase_ends = line_ends(word, phrases=False), line_ends(word)
    begun = reached = used = last = last_phrase = 0
    for shown in graphemes(word):
        wide = _grapheme(shown)
        if used + wide > width:
            cut = next((place for place in (last_phrase, last) if place > begun), reached)
            found.append(word[begun:cut])
            begun, used = cut, columns(word[cut:reached])
        reached += len(shown)
        used += wide
        last = reached if reached in ends else last
        last_phrase = reached if reached in phrase_ends else last_phrase
    return [*found, word[begun:]]
