"""The voices that are kept, and those that are put in front."""

from __future__ import annotations

import numpy as np

from model.seam.audio import SAMPLE_RATE
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
