"""Texts as they are compared: what readers would not call a difference is none.

By whisper-normalizer: English as Whisper's authors have it and the Open ASR Leaderboard after them (numbers, British
spelling, contractions, fillers), other languages by case, punctuation and symbols alone. Marks stay there: without
them there is nothing left of Thai's or Hindi's vowels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Protocol, cast

from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from server.transcript.language import spoken_language
from server.transcript.word_breaks import graphemes, in_unspaced_script

UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages that put no spaces between words: what a word is, every segmenter says otherwise."""


class Unit(StrEnum):
    """What errors are counted in."""

    WORD = "word"
    CHARACTER = "character"


class _Normalise(Protocol):
    def __call__(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Of one language. ``language``: its ISO 639-1 code; None where nobody knows."""

    language: str | None
    unit: Unit

    @classmethod
    def of(cls, language: str) -> Normaliser:
        """For a language tag such as ``en`` or ``zh-CN``."""
        code = language.lower().partition("-")[0].partition("_")[0]
        return cls(code, Unit.CHARACTER if code in UNSPACED else Unit.WORD)

    @classmethod
    def found_in(cls, text: str) -> Normaliser:
        """For the language that a text is in, as far as it tells; characters where most are of unspaced scripts."""
        if (language := spoken_language(text)) is not None:
            return cls.of(language)
        letters = [letter for letter in text if letter.isalpha()]
        unspaced = 2 * sum(map(in_unspaced_script, letters)) > len(letters)
        return cls(None, Unit.CHARACTER if unspaced else Unit.WORD)

    def text(self, text: str) -> str:
        """As it is compared; in languages without spaces there is none left in it."""
        plain = " ".join(_english()(text).split() if self.language == "en" else _basic()(text).split())
        return plain if self.unit is Unit.WORD else plain.replace(" ", "")

    def units(self, text: str) -> list[str]:
        """The words, or where there are none the characters, of a text as it is compared."""
        plain = self.text(text)
        return plain.split() if self.unit is Unit.WORD else graphemes(plain)


@cache
def _english() -> _Normalise:
    return cast(_Normalise, EnglishTextNormalizer())


@cache
def _basic() -> _Normalise:
    return cast(_Normalise, BasicTextNormalizer(preserve_marks=True))
