"""Text as Deepgram writes it: an alternative with its words, each with a speaker and a confidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import NotRequired, TypedDict
from uuid import NAMESPACE_URL, uuid5

import regex

from server.live.vocabulary.events import WordsCommitted
from server.transcript.language import spoken_language
from server.transcript.segments import Segment
from server.transcript.words import Word, segment_words
from server.version import VERSION

JsonObject = dict[str, object]

# From the first letter to the last, with its vowel signs and the joiners that shape them.
_BARE = regex.compile(r"[\p{L}\p{N}](?:.*[\p{L}\p{N}])?[\p{M}\u200c\u200d]*", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that belong together.

    Attributes:
        text: the words with their punctuation and spaces.
        words: with estimated times in seconds.
        lead: what stands between the passage before and this one.
    """

    text: str
    words: tuple[Word, ...]
    lead: str = " "

    @classmethod
    def of(cls, segment: Segment) -> Passage:
        """A segment, or the rest of one."""
        return cls(segment.text, tuple(segment_words(segment)))

    @classmethod
    def of_words(cls, committed: WordsCommitted) -> Passage:
        """The next words of a segment."""
        return cls(committed.text, committed.words, committed.lead)


def confidence_of(word: Word) -> float:
    """How probable the model took a word's tokens for, by the mean of their log-probabilities; 1 where nobody knows.

    Deepgram's schema has no word for that: alternatives and words have a ``confidence``, a number. Its SDK takes no
    null, and LiveKit reads the field without a default. Whoever drops what is uncertain would drop every word at 0.
    """
    return 1.0 if word.logprob is None else math.exp(min(word.logprob, 0.0))


def seconds(time: float) -> float:
    """A time to the millisecond."""
    return round(time, 3)


class Alternative(TypedDict):
    """Deepgram's reading of a passage of time: the only one of its channel."""

    transcript: str
    confidence: float
    words: list[JsonObject]
    languages: NotRequired[list[str]]
    paragraphs: NotRequired[JsonObject]


def alternative(passages: Sequence[Passage], *, speakers: bool) -> Alternative:
    """Passages in order. ``speakers``: words tell who said them."""
    return {
        "transcript": transcript(passages),
        "confidence": round(confidence(passages), 4),
        "words": list(chain.from_iterable(_words(passage, speakers=speakers) for passage in passages)),
    }


def transcript(passages: Iterable[Passage]) -> str:
    """All that passages say, in order."""
    return "".join(passage.lead + passage.text for passage in passages).lstrip()


def with_language(best: Alternative) -> Alternative:
    """With the language of its text. Where none is certain the field is absent: LiveKit takes its first unseen."""
    code = spoken_language(best["transcript"])
    return best if code is None else {**best, "languages": [code]}


def confidence(passages: Iterable[Passage]) -> float:
    """Of the words of all passages; 0 where there are none, as Deepgram has it."""
    of_words = [confidence_of(word) for passage in passages for word in passage.words]
    return fmean(of_words) if of_words else 0.0


def bare(word: str) -> str:
    """A word in lower case and without its punctuation; of punctuation alone all of it."""
    found = _BARE.search(word)
    return (found.group() if found else word).lower()


def _words(passage: Passage, *, speakers: bool) -> Iterator[JsonObject]:
    """Deepgram's words: ``word`` bare and in lower case, ``punctuated_word`` as the model wrote it."""
    for word in passage.words:
        shown: JsonObject = {
            "word": bare(word.word),
            "start": seconds(word.start),
            "end": seconds(word.end),
            "confidence": round(confidence_of(word), 4),
            "punctuated_word": word.word,
        }
        if speakers and word.speaker is not None:
            shown["speaker"] = word.speaker
        yield shown


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """How answers name the model that made them."""

    name: str

    @property
    def uuid(self) -> str:
        """Always the same for the same name."""
        return str(uuid5(NAMESPACE_URL, self.name))

    @property
    def info(self) -> JsonObject:
        return {"name": self.name, "version": VERSION, "arch": "vibevoice-asr"}
