"""Text as Deepgram writes it: an alternative with its words, each with a speaker and a confidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from uuid import NAMESPACE_URL, uuid5

import regex

from server.transcript.segments import Segment
from server.transcript.words import Word, segment_words
from server.version import server_version

JsonObject = dict[str, object]

# From the first letter to the last, with its vowel signs and the joiners that shape them.
_BARE = regex.compile(r"[\p{L}\p{N}](?:.*[\p{L}\p{N}])?[\p{M}\u200c\u200d]*", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that belong together.

    Attributes:
        text: the words with their punctuation and spaces.
        words: with estimated times in seconds.
        confidence: 0 to 1, from the probabilities the model gave its tokens; 1 where they are not known.
        lead: what stands between the passage before and this one.
    """

    text: str
    words: tuple[Word, ...]
    confidence: float = 1.0
    lead: str = " "

    @classmethod
    def of(cls, segment: Segment) -> Passage:
        logprob = segment.avg_logprob
        confidence = 1.0 if logprob is None else math.exp(min(logprob, 0.0))
        return cls(segment.text, tuple(segment_words(segment)), confidence)


def seconds(time: float) -> float:
    """A time to the millisecond."""
    return round(time, 3)


def alternative(passages: Sequence[Passage], *, speakers: bool) -> JsonObject:
    """``{transcript, confidence, words}`` of passages in order. ``speakers``: words tell who said them."""
    return {
        "transcript": "".join(passage.lead + passage.text for passage in passages).lstrip(),
        "confidence": round(confidence(passages), 4),
        "words": words(passages, speakers=speakers),
    }


def words(passages: Iterable[Passage], *, speakers: bool) -> list[JsonObject]:
    """Deepgram's words: ``word`` bare and in lower case, ``punctuated_word`` as the model wrote it."""
    return [_word(word, passage.confidence, speakers=speakers) for passage in passages for word in passage.words]


def confidence(passages: Sequence[Passage]) -> float:
    """Of the words of all passages; 0 where there are none, as Deepgram has it."""
    of_words = [passage.confidence for passage in passages for _ in passage.words]
    return fmean(of_words) if of_words else 0.0


def _word(word: Word, of_passage: float, *, speakers: bool) -> JsonObject:
    bare = _BARE.search(word.word)
    made: JsonObject = {
        "word": (bare.group() if bare else word.word).lower(),
        "start": seconds(word.start),
        "end": seconds(word.end),
        "confidence": round(of_passage, 4),
        "punctuated_word": word.word,
    }
    if speakers and word.speaker is not None:
        made["speaker"] = word.speaker
    return made


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
        return {"name": self.name, "version": server_version(), "arch": "vibevoice-asr"}
