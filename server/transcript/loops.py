"""Loops: a model that has lost the thread writes a phrase over and over. People do say no, no, no."""

from __future__ import annotations

from server.transcript.word_breaks import cut_words

_LONGEST_PHRASE = 5
"""Words of a phrase that is looked for."""
_FEWEST_REPEATS, _FEWEST_WORDS = 4, 8
"""A loop has a phrase at least so many times, and at least so many words."""


def without_loop(text: str) -> str:
    """The text up to where it begins to repeat itself, with the phrase once; the same text where it does not.

    Words are ICU's, so that scripts without spaces have loops too. Takes time in proportion to the text's length.
    """
    words = cut_words(text)
    end = _first_end([word for _, word in words])
    if end is None:
        return text
    return "".join(lead + word for lead, word in words[:end])


def _first_end(words: list[str]) -> int | None:
    """Behind the first phrase of the loop that begins first, of several the shortest; None without any."""
    loops = []
    for length in range(1, _LONGEST_PHRASE + 1):
        start = _first_start(words, length)
        if start is not None:
            loops.append((start, length))
    return sum(min(loops)) if loops else None


def _first_start(words: list[str], length: int) -> int | None:
    """Where a phrase of ``length`` words begins that comes often enough: each word is that of a phrase before."""
    needed = (max(_FEWEST_REPEATS, _FEWEST_WORDS // length) - 1) * length
    alike = 0
    for place, (word, before) in enumerate(zip(words[length:], words, strict=False), start=1):
        alike = alike + 1 if word == before else 0
        if alike == needed:
            return place - needed
    return None
