"""The voices that are kept, and those that are put in front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.voices.encoder import Likeness, Vector
from server.windows.block import Block
from server.windows.voices import Voices, VoiceSample


def voice(speaker: int, seconds: float, text: str = "") -> VoiceSample:
    return VoiceSample(speaker, text, Block(0, np.zeros(round(seconds * SAMPLE_RATE), np.float32)))


def test_the_first_voice_sample_of_its_length_stays() -> None:
    voices = Voices()
    voices.offer(None)
    voices.offer(voice(0, 0.3, "too short to keep"))
    assert voices.chosen(60) == []
    voices.offer(voice(0, 4.1, "good"))
    voices.offer(voice(0, 1.0, "short"))
    voices.offer(voice(0, 4.5, "later"))
    assert [kept.text for kept in voices.chosen(60)] == ["good"]
    assert [kept.text for kept in voices.chosen(2)] == ["short"]


def test_voice_samples_are_short_enough_for_everybody_to_be_there() -> None:
    voices = Voices()
    for speaker in (2, 0, 1):
        for seconds in (4.0, 2.5, 1.0):
            voices.offer(voice(speaker, seconds))
    assert [(kept.speaker, kept.seconds) for kept in voices.chosen(12.0)] == [(0, 4.0), (1, 4.0), (2, 4.0)]
    assert [(kept.speaker, kept.seconds) for kept in voices.chosen(9.0)] == [(0, 2.5), (1, 2.5), (2, 2.5)]


def test_of_long_samples_the_shortest_stays() -> None:
    voices = Voices()
    for seconds in (60.0, 8.0, 30.0):
        voices.offer(voice(0, seconds))
    assert [kept.seconds for kept in voices.chosen(12.0)] == [8.0]


def test_who_said_nothing_short_takes_nobodys_place() -> None:
    voices = Voices()
    for speaker, seconds in ((0, 3.0), (1, 3.5), (2, 10.0)):
        voices.offer(voice(speaker, seconds))
    assert [kept.speaker for kept in voices.chosen(12.0)] == [0, 1]
    assert [kept.speaker for kept in voices.chosen(17.0)] == [0, 1, 2]


def test_where_there_is_no_room_for_everybody_those_heard_last_are_there() -> None:
    voices = Voices()
    for speaker in (0, 2, 1):
        voices.offer(voice(speaker, 3.0))
    assert [kept.speaker for kept in voices.chosen(7.0)] == [1, 2]
    voices.offer(voice(0, 0.7))
    assert [kept.speaker for kept in voices.chosen(5.0)] == [0, 1]


def test_a_crowd_does_not_make_all_samples_useless() -> None:
    voices = Voices()
    for speaker in range(40):
        for seconds in (0.7, 1.5, 4.0):
            voices.offer(voice(speaker, seconds))
    chosen = voices.chosen(16.0)
    assert [kept.speaker for kept in chosen] == list(range(32, 40))
    assert {kept.seconds for kept in chosen} == {1.5}


class Ears:
    """A VoiceEncoder that knows a voice by its samples, which all are its number in tenths."""

    likeness = Likeness(same=0.8, different=0.6)

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        return [self.voice(round(10 * float(clip[0]))) for clip in clips]

    @staticmethod
    def voice(person: int) -> Vector:
        return np.asarray(np.eye(4)[person], np.float32)

    def close(self) -> None:
        pass


def by(person: int, speaker: int, seconds: float, text: str) -> VoiceSample:
    """Something that ``person`` said, and that goes by the number ``speaker``."""
    block = Block(0, np.full(round(seconds * SAMPLE_RATE), person / 10, np.float32))
    return VoiceSample(speaker, text, block)


OFFERED = [
    by(2, 0, 1.5, "another one's"),
    by(1, 0, 1.6, "own"),
    by(2, 1, 4.0, "his"),
    by(2, 0, 2.5, "another one's, longer"),
    by(1, 0, 1.7, "own again"),
    by(1, 0, 4.5, "own, long"),
]


async def chosen(seconds: float, *, listen_each: bool) -> list[str]:
    voices = Voices(Ears())
    for offered in OFFERED:
        voices.offer(offered)
        if listen_each:
            await voices.listen(lambda until: Level())
    await voices.listen(lambda until: Level())
    return [voice.text for voice in voices.chosen(seconds)]


@pytest.mark.parametrize("listen_each", [False, True])
async def test_whoever_sounds_like_most_that_go_by_a_number_stands_for_it(listen_each: bool) -> None:
    """Whenever it is listened to."""
    assert await chosen(60.0, listen_each=listen_each) == ["own, long", "his"]
    assert await chosen(8.0, listen_each=listen_each) == ["own", "his"]


async def test_words_that_do_not_fill_their_time_stand_for_nobody() -> None:
    """The model would go on in that manner."""
    voices = Voices(Ears())
    for speaker, text, seconds in (
        (0, "a few words", 1.5),
        (0, "It.", 4.0),
        (1, "some more words of it", 2.5),
        (2, "A.", 2.0),
    ):
        voices.offer(by(speaker, speaker, seconds, text))
    await voices.listen(lambda until: Level())
    assert [voice.text for voice in voices.chosen(60.0)] == ["a few words", "some more words of it", "A."]


async def test_a_sample_is_heard_at_the_level_it_has_where_it_ends() -> None:
    voices, asked = Voices(Ears()), list[int]()

    def level(until: int) -> Level:
        asked.append(until)
        return Level()

    voices.offer(VoiceSample(0, "", Block(SAMPLE_RATE, np.full(SAMPLE_RATE, 0.1, np.float32))))
    await voices.listen(level)
    await voices.listen(level)
    assert asked == [2 * SAMPLE_RATE]


async def test_one_voice_by_two_numbers_stands_for_the_first_alone() -> None:
    voices = Voices(Ears())
    voices.offer(by(1, 0, 3.5, "one"))
    voices.offer(by(2, 1, 3.5, "the other"))
    voices.offer(by(1, 2, 3.5, "one again"))
    assert voices.speaker_of(Ears.voice(1), sure=False) is None  # nobody has listened
    await voices.listen(lambda until: Level())
    assert [voice.text for voice in voices.chosen(60.0)] == ["one", "the other"]
    assert [voices.speaker_of(Ears.voice(person), sure=False) for person in (1, 2, 3)] == [0, 1, None]
    assert voices.doubles == {2}
