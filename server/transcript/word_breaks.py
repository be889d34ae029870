"""Where words begin: at spaces, and in scripts written without them where ICU's dictionaries see words.

Punctuation and invisible marks are no words. They belong to the word before them, whether a space stands between or
not, and what opens something (a bracket, a quotation) belongs to the word behind it. So nothing of a text is lost: its
words, each behind what stands before it, are the text again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, pairwise

import regex
from icu4py.breakers import LineBreaker, WordBreaker

# Prolonged sound and voice marks are common to both kinds of kana; Unicode counts them to no script.
_KANA = r"\p{Hiragana}\p{Katakana}ー\uff70\uff9e\uff9f"
_UNSPACED = rf"[\p{{Han}}{_KANA}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}]"
# A zero-width space stands between words of such a script, joiners stand inside of them.
_RUN = regex.compile(rf"(?P<unspaced>{_UNSPACED}(?:{_UNSPACED}|\p{{M}}|[\u200b-\u200d])*)|(?:(?!{_UNSPACED}).)+")
_IN_UNSPACED = regex.compile(_UNSPACED)
_SAID = regex.compile(r"[^\p{P}\p{M}\p{Cf}\p{Cc}\s]")
_TO_LAST_SAID = regex.compile(rf".*{_SAID.pattern}", regex.DOTALL)
_OPENING = regex.compile(r"[\p{Ps}\p{Pi}¿¡]")
_CLOSING = regex.compile(r"[\p{Pe}\p{Pf}\p{Po}--¿¡]", regex.V1)
_GRAPHEME = regex.compile(r"\X")
_UNSPACED_LETTER = regex.compile(rf"(?![\p{{M}}\p{{P}}]){_UNSPACED}")
_ENDS_UNSPACED = regex.compile(rf"(?r){_UNSPACED}[\p{{P}}\p{{M}}\p{{Cf}}]*$")
_BEGINS_UNSPACED = regex.compile(rf"[\p{{P}}\p{{Cf}}]*{_UNSPACED}")
_KINSOKU, _PHRASES = "ja-u-lb-strict", "ja-u-lw-phrase"  # in other scripts lines end as they do anyway
_SYLLABLE, _MORA = regex.compile(r"\p{Han}"), regex.compile(rf"[{_KANA}\p{{Hangul}}]")
_LETTER = regex.compile(r"[\p{L}\p{N}]")


class _Words:
    """Words in the making: each a lead and parts of its text."""

    def __init__(self) -> None:
        self._words: list[tuple[str, list[str]]] = []
        self._opening: tuple[str, list[str]] | None = None  # marks that wait for the word behind them

    def say(self, lead: str, text: str) -> None:
        """The next word."""
        if self._opening is None:
            self._words.append((lead, [text]))
            return
        self._opening[1].extend((lead, text))
        self._words.append(self._opening)
        self._opening = None

    def mark(self, lead: str, marks: str) -> None:
        """What is no word by itself."""
        opening = _OPENING.search(marks)
        place = opening.start() if opening else len(marks)
        if place and self._words and self._opening is None:
            self._words[-1][1].extend((lead, marks[:place]))
            lead, marks = "", marks[place:]
        if not marks:
            return
        if self._opening is None:
            self._opening = lead, [marks]
        else:
            self._opening[1].extend((lead, marks))

    def done(self) -> list[tuple[str, str]]:
        if self._opening is not None:
            lead, marks = self._opening
            if self._words:
                self._words[-1][1].extend((lead, *marks))
            else:
                self._words.append(self._opening)
        return [(lead, "".join(parts)) for lead, parts in self._words]


def cut_words(text: str) -> list[tuple[str, str]]:
    """The words of a text in order: what stands before each, a space or nothing, and the word with its punctuation.

    All of it together is the text, but for the kind and number of its spaces. A text without any word (punctuation
    alone) counts as one. Takes time in proportion to the text's length.
    """
    words = _Words()
    lead = ""
    for chunk in text.split():
        for said, piece in _pieces(chunk):
            (words.say if said else words.mark)(lead, piece)
            lead = ""
        lead = " "
    return words.done()


def _pieces(chunk: str) -> Iterator[tuple[bool, str]]:
    """What stands between two spaces, in pieces and whether each is said."""
    if chunk.isascii() or _IN_UNSPACED.search(chunk) is None:  # most of most texts: told without a look at all of it
        yield chunk[0].isalnum() or _SAID.search(chunk) is not None, chunk
        return
    for run in _RUN.finditer(chunk):
        if run["unspaced"] is None:
            yield from _spaced(run.group(), joined=run.start() > 0, behind=run.end() < len(chunk))
            continue
        for piece in WordBreaker(run.group(), "en"):  # dictionaries go by the script, not by the locale
            yield _SAID.search(piece) is not None, piece


def _spaced(run: str, *, joined: bool, behind: bool) -> Iterator[tuple[bool, str]]:
    """A run without spaces or unspaced scripts, in up to three pieces and whether each is said.

    ``joined``, ``behind``: a word of an unspaced script touches it in front or at its end: marks there are of both.
    """
    first, last = _SAID.search(run), _TO_LAST_SAID.match(run)
    if first is None or last is None:
        yield False, run
        return
    start = first.start() if joined else 0
    end = last.end() if behind else len(run)
    while behind and end < len(run) and regex.match(r"\p{M}|\p{Cf}", run[end]):
        end += 1  # of the letter itself
    if start:
        yield False, run[:start]
    yield True, run[start:end]
    if end < len(run):
        yield False, run[end:]


def characters(word: str) -> list[str]:
    """A word of an unspaced script character by character, each with what belongs to it; any other word as it is."""
    if _UNSPACED_LETTER.search(word) is None:
        return [word]
    begun = (found.start() for found in _GRAPHEME.finditer(word))
    starts = [start for start in begun if _UNSPACED_LETTER.match(word, start)]
    return [word[start:end] for start, end in pairwise([0, *starts[1:], len(word)])]


def line_ends(text: str, *, phrases: bool = True) -> frozenset[int]:
    """Behind how many characters a line may end by the strict rules of kinsoku.

    ``phrases``: and, in Japanese and Korean, where a phrase ends, which a model in ICU tells.
    """
    allowed = frozenset(accumulate(map(len, LineBreaker(text, _KINSOKU))))
    return allowed.intersection(accumulate(map(len, LineBreaker(text, _PHRASES)))) if phrases else allowed


def graphemes(text: str) -> list[str]:
    """What readers take for characters: letters with their marks, emoji with what they are joined to."""
    return _GRAPHEME.findall(text)


def in_unspaced_script(letter: str) -> bool:
    """Whether a letter is of a script that puts no spaces between words."""
    return _IN_UNSPACED.match(letter) is not None


def lead_between(before: str, after: str) -> str:
    """What writers put between two parts of a text: nothing inside of an unspaced script and before closing marks."""
    unspaced = _ENDS_UNSPACED.search(before) and _BEGINS_UNSPACED.match(after)
    return "" if unspaced or _CLOSING.match(after) else " "


def letters(word: str) -> int:
    """How long a word takes to say, in letters of an alphabet, at least 1; vowel signs and other marks take no time.

    Speakers of Mandarin say about 5 syllables a second, of Japanese 8 (Pellegrino et al. 2011), of English 13 letters:
    a Han character, a syllable, counts as three letters, and kana and Hangul count as two.
    """
    return max(sum(map(_letters, word)), 1)


@lru_cache(1 << 14)
def _letters(character: str) -> int:
    return sum(count for kind, count in ((_LETTER, 1), (_SYLLABLE, 2), (_MORA, 1)) if kind.match(character) is not None)
