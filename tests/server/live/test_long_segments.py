"""The real model may write a long turn as one segment: over windows speakers stay known, and no word is cut."""

from __future__ import annotations

import random
from itertools import count, cycle, islice

import pytest

from tests.support.author import Author
from tests.support.placed_words import Word, captioned
from tests.support.speaking_runner import CHECKPOINT


def talk(people: int, seconds: tuple[int, int], turns: int) -> list[Word]:
    """Turns of so many seconds, in which nobody pauses for longer than it takes to breathe."""
    chance = random.Random(7)
    at, number = 50, count()
    words: list[Word] = []
    for who in islice(cycle(range(people)), turns):
        end = at + 100 * chance.randint(*seconds)
        while at < end:
            length = chance.randint(15, 45)
            words.append(Word(f"word{next(number)}", at, at + length, who))
            at += length + chance.choice([2, 5, 10, 35])
        at += 40
    return words


@pytest.mark.parametrize(("people", "seconds"), [(2, (8, 25)), (3, (8, 25)), (3, (3, 12)), (4, (2, 20))])
async def test_speakers_of_long_turns_keep_their_numbers(people: int, seconds: tuple[int, int]) -> None:
    """Of a long segment a few words stand in front of the next window, where there is no room for all of it."""
    words = talk(people, seconds, turns=6 * people)
    spoken = {word.text: word.who for word in words}
    told = [(s.speaker, spoken[text]) for s in await captioned(Author(CHECKPOINT), words) for text in s.text.split()]
    assert set(told) == {(who, who) for who in range(people)}
    assert len(told) == len(words)


async def test_a_window_full_of_one_segment_ends_where_somebody_breathes() -> None:
    words = talk(1, (240, 240), turns=1)
    told = " ".join(segment.text for segment in await captioned(Author(CHECKPOINT), words))
    assert told == " ".join(word.text for word in words)
