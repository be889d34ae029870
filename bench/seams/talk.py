"""A made conversation: who says which words when, in one of fifteen languages."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.transcript.segments import Segment
from server.transcript.word_breaks import cut_words, letters

_TALKS: dict[str, dict[str, list[Any]]] = json.loads((Path(__file__).parent / "talks.json").read_text())
LANGUAGES = tuple(_TALKS)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word of a sentence, with its punctuation; ``lead``: the space in front of it, if any."""

    text: str
    lead: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """What somebody says in one go. ``ends_turn``: somebody else goes on, or there is a pause."""

    person: int
    words: tuple[Spoken, ...]
    ends_turn: bool


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation. ``silences``: stretches of some seconds in which nobody speaks."""

    language: str
    sentences: tuple[Sentence, ...]
    silences: tuple[tuple[float, float], ...]

    @property
    def end(self) -> float:
        """Seconds."""
        return max(sentence.words[-1].end for sentence in self.sentences)

    def truth(self) -> list[Segment]:
        """As one pass would write it that hears everything; numbers are persons."""
        return [
            Segment(
                place,
                sentence.words[0].start,
                sentence.words[-1].end,
                sentence.person,
                "".join(word.lead * (at > 0) + word.text for at, word in enumerate(sentence.words)),
            )
            for place, sentence in enumerate(self.sentences)
        ]


def vocabulary(language: str) -> list[str]:
    """Words of the language."""
    return [word for sentence in _TALKS[language]["sentences"] for _, word in cut_words(sentence)]


def sentences_of(language: str) -> list[str]:
    """All there are."""
    return _TALKS[language]["sentences"]


def numerals(language: str) -> dict[str, str]:
    """Words for numbers and the digits that stand for the same."""
    return {pair[0]: pair[1] for pair in _TALKS[language]["numerals"]}


def converse(rng: random.Random, language: str, people: int, seconds: float) -> Talk:
    """At least ``seconds`` of talk. Sentences come again only when all were said."""
    deck: list[str] = []
    sentences: list[Sentence] = []
    silences: list[tuple[float, float]] = []
    now, person = rng.uniform(0.0, 1.0), 0
    pace = [rng.uniform(10.0, 15.0) for _ in range(people)]
    while now < seconds:
        count = rng.choice((1, 1, 2, 2, 3))
        for left in reversed(range(count)):
            if not deck:
                deck = rng.sample(sentences_of(language), len(sentences_of(language)))
            words = _say(rng, deck.pop(), now, pace[person])
            sentences.append(Sentence(person, words, left == 0))
            now = words[-1].end + rng.uniform(0.1, 0.6)
        others = [other for other in range(people) if other != person]
        if others and rng.random() < 0.3:
            listener = rng.choice(others)
            start = now - rng.uniform(0.0, 0.8)
            words = _say(rng, rng.choice(_TALKS[language]["asides"]), start, pace[listener])
            sentences.append(Sentence(listener, words, True))
            now = max(now, words[-1].end + 0.1)
        if rng.random() < 0.12:
            silence = rng.uniform(3.0, 9.0)
            silences.append((now, now + silence))
            now += silence
        now += rng.uniform(0.0, 1.2)
        person = rng.choice(others or [person])
    return Talk(language, tuple(sentences), tuple(silences))


def _say(rng: random.Random, text: str, start: float, pace: float) -> tuple[Spoken, ...]:
    words: list[Spoken] = []
    for lead, word in cut_words(text):
        end = start + letters(word) / pace * rng.uniform(0.8, 1.25)
        words.append(Spoken(word, lead, start, end))
        start = end + rng.choice((0.0, 0.0, 0.0, 0.25 if word[-1:] in ",،、，" else 0.05))
    return tuple(words)
