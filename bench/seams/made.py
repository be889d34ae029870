"""Made cases whose truth is known: a conversation, heard in two windows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bench.seams.cases import Case
from bench.seams.ears import Habits, Hearing, hear
from bench.seams.talk import LANGUAGES, converse
from server.transcript.segments import Segment

HABITS = Habits()


@dataclass(frozen=True, slots=True)
class MadeCase:
    """A case and its truth.

    Attributes:
        truth: what is said in both windows together; numbers are persons.
        people: persons by the numbers of the earlier window.
        told: each of the later window's speakers whom the earlier one heard, too, can be told by words or by voice.
    """

    language: str
    case: Case
    truth: list[Segment]
    people: dict[int, int]
    told: bool


def made_cases(count: int, seed: int = 0, habits: Habits = HABITS) -> Iterator[MadeCase]:
    """``count`` cases, the same ones for the same seed, each language in its turn."""
    for number in range(count):
        yield _made(random.Random(f"{seed} {number}"), number, LANGUAGES[number % len(LANGUAGES)], habits)


def _made(rng: random.Random, number: int, language: str, habits: Habits) -> MadeCase:
    people = rng.choice((1, 2, 2, 3, 3, 4))
    talk = converse(rng, language, people, rng.uniform(45.0, 90.0))
    overlap = rng.choice((0.0, rng.uniform(1.0, 4.0), *(rng.uniform(4.0, 20.0) for _ in range(6))))
    middle = talk.end * rng.uniform(0.4, 0.6)
    start_b, end_a = middle - overlap / 2, middle + overlap / 2
    common = start_b, end_a
    a, b = (hear(rng, talk, window, common, habits) for window in ((0.0, end_a), (start_b, talk.end)))
    voices = rng.random() < 0.8
    vectors = _voices(rng, people, a, b) if voices else ({}, {})
    case = Case.model_validate(
        {
            "id": f"{language}-{number}",
            "a": {"start": 0.0, "end": round(end_a, 2), "segments": a.segments, "voices": vectors[0]},
            "b": {"start": round(start_b, 2), "end": round(talk.end, 2), "segments": b.segments, "voices": vectors[1]},
        }
    )
    shared = {
        sentence.person
        for sentence in talk.sentences
        for word in sentence.words
        if start_b < word.start and word.end < end_a
    }
    both = set(a.people.values()) & set(b.people.values())
    return MadeCase(language, case, talk.truth(), a.people, voices or both <= shared)


def _voices(rng: random.Random, people: int, *windows: Hearing) -> tuple[Mapping[int, list[float]], ...]:
    """Vectors of all speakers of each window, the less alike the less somebody says."""
    draw = np.random.default_rng(rng.randrange(1 << 32))
    size = rng.choice((64, 192, 256))
    common = draw.normal(size=size) * rng.uniform(0.0, 0.8)
    own = [common + draw.normal(size=size) for _ in range(people)]
    noise = rng.uniform(0.4, 0.8)
    made = []
    for window in windows:
        seconds = dict.fromkeys(window.people, 0.0)
        for segment in window.segments:
            if "Speaker" in segment:
                seconds[int(str(segment["Speaker"]))] += float(str(segment["End"])) - float(str(segment["Start"]))
        made.append(
            {
                number: [
                    round(float(value), 4)
                    for value in own[person] + draw.normal(size=size) * noise * (1 + 1 / max(seconds[number], 1.0))
                ]
                for number, person in window.people.items()
            }
        )
    return tuple(made)
