"""What a client wants changed in the words: terms replaced, numbers in digits, profanity masked.

It is done to the text that is told, never to what the model heard or wrote. Word times are estimates shared out by
letters (`server.transcript.words`), so a changed text has its words' times made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate, groupby
from statistics import fmean

import regex
from glin_profanity import Filter  # type: ignore[import-untyped]
from text_to_num import alpha2digit  # type: ignore[import-untyped]

from server.protocols.deepgram.alternatives import Passage
from server.transcript.language import spoken_language
from server.transcript.logprobs import seen
from server.transcript.probabilities import Probabilities
from server.transcript.segments import Segment, Transcript
from server.transcript.word_breaks import cut_words, in_unspaced_script
from server.transcript.words import Word, segment_words

NUMBER_LANGUAGES = ("da", "de", "en", "es", "fr", "it", "nl", "pt")
"""Those whose number words are known."""
PROFANITY_LANGUAGES = {
    "ar": "arabic", "zh": "chinese", "cs": "czech", "da": "danish", "nl": "dutch", "en": "english", "fi": "finnish",
    "fr": "french", "de": "german", "hi": "hindi", "hu": "hungarian", "it": "italian", "ja": "japanese", "ko": "korean",
    "no": "norwegian", "fa": "persian", "pl": "polish", "pt": "portuguese", "ru": "russian", "es": "spanish",
    "sv": "swedish", "th": "thai", "tr": "turkish",
}  # fmt: skip
"""Those of whose words a list is known."""
_USUAL = "en"
"""Taken for the language of words that are too few to tell."""

_LETTERS = regex.compile(r"[\p{L}\p{M}]*")
_SPACES = regex.compile(r"\s+")
_LEFT_ALONE = regex.compile(r"\s+(?=[,.;:!?])|^[\s,.;:!?]+")
"""Spaces in front of marks, and marks in front of everything: a word stood there."""

_NEAR = 12
"""Words: of a term that is replaced, or of a number that is written in digits."""

Change = Callable[[str, str], str]
"""A text and its language → the changed text."""


class Wording:
    """How words are told.

    Args:
        terms: what to find, and what to put in its place; letter case does not matter for finding.
        numerals: numbers in digits.
        masked: profanity with its first letter alone.
        language: of what is said, as the client says; None: it is found out from the words.
    """

    def __init__(
        self,
        terms: Sequence[tuple[str, str]] = (),
        *,
        numerals: bool = False,
        masked: bool = False,
        language: str | None = None,
    ) -> None:
        self._language = language
        self._changes: list[Change] = []
        if terms:
            self._changes.append(_replacing(terms))
        if numerals:
            self._changes.append(_in_digits)
        if masked:
            self._changes.append(_masked)
        self._needs_language = numerals or masked

    def transcript(self, transcript: Transcript) -> Transcript:
        """With its speech changed; what nothing is left of is left out."""
        if not self._changes:
            return transcript
        language = self._language_of(transcript.text)
        told = (self._segment(segment, language) for segment in transcript.segments)
        return replace(transcript, segments=tuple(segment for segment in told if segment is not None))

    def passages(self, passages: Sequence[Passage]) -> list[Passage]:
        """The same for passages that follow each other; those of one speaker are taken together."""
        if not self._changes:
            return list(passages)
        language = self._language_of(" ".join(passage.text for passage in passages))
        turns = groupby(passages, key=lambda passage: passage.words[0].speaker if passage.words else None)
        told = (self._passage(_joined(list(turn)), language) for _, turn in turns)
        return [passage for passage in told if passage is not None]

    def of_term(self, term: str) -> str:
        """A term as it is told where it was said."""
        return self._text(term, self._language_of(term))

    def _segment(self, segment: Segment, language: str) -> Segment | None:
        if not segment.is_speech:
            return segment
        text = self._text(segment.text, language)
        if text == segment.text:
            return segment
        return replace(segment, text=text, probabilities=_carried(segment_words(segment), text)) if text else None

    def _passage(self, passage: Passage, language: str) -> Passage | None:
        text = self._text(passage.text, language)
        if text == passage.text or not passage.words:
            return passage
        if not text:
            return None
        first, last = passage.words[0], passage.words[-1]
        known = [word.logprob for word in passage.words if word.logprob is not None]
        told = Segment(0, first.start, last.end, first.speaker, text, fmean(known) if known else None)
        told = replace(told, probabilities=_carried(passage.words, text))
        return replace(passage, text=text, words=tuple(segment_words(told)))

    def _text(self, text: str, language: str) -> str:
        for change in self._changes:
            text = change(text, language)
        return text

    def _language_of(self, text: str) -> str:
        if not self._needs_language:
            return _USUAL
        return self._language or spoken_language(text) or _USUAL


def _carried(words: Sequence[Word], text: str) -> Probabilities | None:
    """Of the words of a changed text that stood in it before, by their own; what was put there has none.

    Where they part they meet again at the nearest: changes are small, and texts may be long.
    """
    told = [word for _, word in cut_words(text)]
    ends = list(accumulate(map(seen, told), initial=0))
    found: list[tuple[int, int, float]] = []
    new = old = 0
    while new < len(told) and old < len(words):
        if told[new] != words[old].word:
            new, old = _meeting(told, words, new, old)
            continue
        if (logprob := words[old].logprob) is not None:
            found.append((ends[new], ends[new + 1], logprob))
        new, old = new + 1, old + 1
    return Probabilities.of(found, ends[-1])


def _meeting(told: Sequence[str], words: Sequence[Word], new: int, old: int) -> tuple[int, int]:
    """The next places of the same word, of which as few as can be are passed over."""
    for passed in range(1, 2 * _NEAR):
        for of_new in range(max(0, passed - _NEAR), min(passed, _NEAR) + 1):
            at, other = new + of_new, old + passed - of_new
            if at < len(told) and other < len(words) and told[at] == words[other].word:
                return at, other
    return new + 1, old + 1


def _joined(passages: Sequence[Passage]) -> Passage:
    first, *others = passages
    return replace(
        first,
        text=first.text + "".join(passage.lead + passage.text for passage in others),
        words=tuple(word for passage in passages for word in passage.words),
    )


def _replacing(terms: Iterable[tuple[str, str]]) -> Change:
    """Whole words, longer terms first; where nothing is put in their place, the spaces around them are closed."""
    replacements = {_folded(term): put for term, put in terms}
    ordered = sorted(replacements, key=len, reverse=True)
    found = regex.compile("|".join(map(_whole, ordered)), regex.IGNORECASE)

    def change(text: str, _: str) -> str:
        changed, count = found.subn(lambda match: replacements[_folded(match.group())], text)
        return _LEFT_ALONE.sub("", _SPACES.sub(" ", changed)).strip() if count else text

    return change


def _folded(term: str) -> str:
    return _SPACES.sub(" ", term).casefold()


def _whole(term: str) -> str:
    """A pattern for a term that is not a part of a word; scripts without spaces show no borders of words."""
    before = "" if in_unspaced_script(term[0]) else r"(?<![\p{L}\p{M}\p{N}])"
    behind = "" if in_unspaced_script(term[-1]) else r"(?![\p{L}\p{M}\p{N}])"
    return before + r"\s+".join(map(regex.escape, term.split(" "))) + behind


def _in_digits(text: str, language: str) -> str:
    if language not in NUMBER_LANGUAGES:
        return text
    changed: str = alpha2digit(text, language)
    return changed


def _masked(text: str, language: str) -> str:
    if language not in PROFANITY_LANGUAGES:
        return text
    masked = list(text)
    for match in _filter(PROFANITY_LANGUAGES[language]).check_profanity(text).get("matches", ()):
        start = match["index"]
        end = start + len(match["word"])
        if not in_unspaced_script(text[start]) and (rest := _LETTERS.match(text, end)):
            end = rest.end()
        masked[start + 1 : end] = ("*" if letter.isalnum() else letter for letter in text[start + 1 : end])
    return "".join(masked)


@cache
def _filter(language: str) -> Filter:
    return Filter({"languages": [language]})
