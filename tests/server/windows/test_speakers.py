"""Whose numbers are whose from window to window, in files and live sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.voices.encoder import Likeness, Vector
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from server.windows.speakers import Speakers
from server.windows.voices import VoiceSample
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine

GRAMMAR = VIBEVOICE_ASR.grammar


class Ears:
    """A VoiceEncoder that knows voice n by n of ten samples being positive, however loud they are.

    Attributes:
        heard: clips.
    """

    likeness = Likeness(same=0.8, different=0.6)

    def __init__(self) -> None:
        self.heard = 0

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        self.heard += len(clips)
        return [np.asarray(np.eye(10)[round(10 * float(np.mean(clip > 0)))], np.float32) for clip in clips]

    def close(self) -> None:
        pass


def saying(person: int, start: float, seconds: float) -> Block:
    pattern = np.where(np.arange(10) < person, 0.1, -0.1).astype(np.float32)
    size = round(seconds * SAMPLE_RATE)
    return Block(round(start * SAMPLE_RATE), np.resize(pattern, size))


async def clip(person: int, seconds: float) -> Samples:
    return saying(person, 0, seconds).samples


async def introduced(encoder: Ears | None, *people: int) -> Speakers:
    """Each has said something, and has his place as number."""
    speakers = Speakers(encoder)
    for number, person in enumerate(people):
        speakers.note(number)
        speakers.voices.offer(VoiceSample(number, "words", saying(person, 0, 3.5)))
    await speakers.voices.listen(lambda until: Level())
    return speakers


async def test_a_number_for_nobody_in_front_is_whose_voice_it_is_or_a_new_one() -> None:
    numbers = (await introduced(Ears(), 1, 2)).numbers([0, 1])
    assert await numbers.heard(1, lambda: clip(5, 3.0)) == 1, "the model knows him again, whatever he sounds like"
    assert await numbers.heard(2, lambda: clip(1, 3.0)) == 0
    assert await numbers.heard(3, lambda: clip(4, 3.0)) == 2
    assert await numbers.heard(3, lambda: clip(1, 3.0)) == 2, "it stays his"
    assert numbers.back(2) == 3


async def test_too_little_tells_nothing_and_nobody_is_heard_without_an_encoder() -> None:
    ears = Ears()
    numbers = (await introduced(ears, 1, 2)).numbers([0, 1])
    heard = ears.heard
    assert await numbers.heard(2, lambda: clip(1, 0.3)) == 2
    assert ears.heard == heard
    assert await (await introduced(None, 1, 2)).numbers([0, 1]).heard(2, lambda: clip(1, 3.0)) == 2


async def test_a_number_that_is_not_said_any_more_may_be_anybodys() -> None:
    numbers = (await introduced(Ears(), 1, 2)).numbers([0, 1])
    assert await numbers.heard(2, lambda: clip(1, 3.0)) == 0
    numbers.keep({0})
    assert await numbers.heard(2, lambda: clip(4, 3.0)) == 2
    assert (numbers.back(0), numbers.back(1)) == (0, 1), "whoever is introduced stays"


@pytest.mark.parametrize(("live", "expected"), [(True, [4, 0]), (False, [0, 1])])
def test_where_nobody_is_introduced_numbers_are_as_written_or_as_they_come(live: bool, expected: list[int]) -> None:
    numbers = Speakers(live=live).numbers([])
    assert [numbers.of(number) for number in (4, 0)] == expected


@pytest.mark.parametrize("introduced", [[], [1]])
def test_who_speaks_on_from_one_window_to_the_next_stays_who_he_is(introduced: list[int]) -> None:
    numbers = Speakers(live=True).numbers(introduced, 2)
    first = len(introduced)
    numbers.begins(first)
    assert [numbers.of(first), numbers.of(first + 1)] == [2, 0 if introduced else 1]
    numbers.begins(first + 2)
    assert numbers.of(first + 2) not in {2, *introduced}, "there is one of him"


def test_who_is_introduced_is_not_taken_for_whoever_spoke() -> None:
    numbers = Speakers(live=True).numbers([1], 2)
    numbers.begins(0)
    assert [numbers.of(0), numbers.of(1)] == [1, 0]


FIRST = f"[{GRAMMAR.segment(0.0, 3.0, 3, 'This is one.')},{GRAMMAR.segment(3.0, 6.0, 1, 'This is two.')}]"
FRONT = f"[{GRAMMAR.segment(0.0, 3.05, 0, 'This is two.')},{GRAMMAR.segment(3.35, 6.4, 1, 'This is one.')}"
"""By the numbers of the window, in order of those of the session."""


async def test_a_live_window_numbers_whom_it_is_introduced_to_and_tells_the_sessions_numbers(author: Author) -> None:
    new = f"{FRONT},{GRAMMAR.segment(6.7, 9.7, 2, 'Who is this?')},{GRAMMAR.segment(9.7, 10.7, 1, 'One.')}]"
    engine = ScriptedEngine(author, [FIRST], [f"{FRONT},{GRAMMAR.segment(6.7, 9.7, 3, 'Who')}]", new, new])
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=16, request_id="test")
    await windows.append(saying(1, 0.0, 3.0))
    await windows.append(saying(2, 3.0, 3.0))
    for segment in await windows.ask(whole=True):
        windows.close_segment(segment)
    await windows.roll()
    await windows.append(saying(3, 6.0, 5.0))
    assert [segment.speaker for segment in await windows.ask()] == [0]
    assert [segment.speaker for segment in await windows.ask()] == [0, 3], "the first free number, whatever was said"
    last = await windows.ask(whole=True)
    windows.close_segment(last[0])
    assert engine.streams[1][0].questions[-1].prefix == FRONT
    assert windows.known.closed[0][0].speaker == 0
    assert '"Speaker":2' in windows.known.closed[0][1].replace(" ", "")


async def test_who_says_but_a_word_now_and_then_keeps_his_number(author: Author) -> None:
    """Nothing of him can be put in front of the next window, whether or not somebody else's words are."""
    alone = f"[{GRAMMAR.segment(0.0, 0.3, 0, 'No.')}]"
    beside = f"[{GRAMMAR.segment(0.0, 0.3, 1, 'No.')},{GRAMMAR.segment(0.4, 3.4, 0, 'This is two.')}]"
    introduced = f"[{GRAMMAR.segment(0.0, 3.1, 0, 'This is two.')},{GRAMMAR.segment(3.4, 3.7, 1, 'No.')}]"
    engine = ScriptedEngine(author, [alone], [alone], [beside], [introduced], [introduced])
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=16, request_id="test")
    told: list[list[int | None]] = []
    for place in range(5):
        await windows.append(saying(1, 4.0 * place, 4.0))
        segments = await windows.ask(whole=True)
        told.append([segment.speaker for segment in segments])
        for segment in segments:
            windows.close_segment(segment)
        windows.close()
    assert told == [[0], [0], [1, 0], [1], [1]]
