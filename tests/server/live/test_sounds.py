"""Which sounds of changing hypotheses are told: once, and never otherwise."""

from __future__ import annotations

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.live.captions.sounds import Sounds, among
from server.live.ears.gate import GatedAudio
from server.live.ears.listener import Listener
from server.live.ears.turns import TurnStart
from server.live.vocabulary.events import Hypothesis, LiveEvent, SoundHeard, WordsCommitted
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.segments import Segment
from server.transcript.words import Word


def music(start: float, end: float, text: str = "[Music]") -> Segment:
    return Segment(0, start, end, None, text)


def test_a_sound_is_told_once_when_two_updates_had_it_and_it_is_over() -> None:
    sounds = Sounds(1.5)
    assert sounds.update([music(2.0, 4.0)], 4.0, closed_until=0.0) == []
    assert sounds.update([music(2.1, 5.0)], 5.2, closed_until=0.0) == [], "it goes on"
    assert sounds.update([music(2.0, 5.0)], 6.6, closed_until=0.0) == [SoundHeard(2.0, 5.0, "[Music]")]
    assert sounds.update([music(2.0, 5.0)], 9.0, closed_until=0.0) == [], "it was told"
    assert sounds.update([music(2.0, 7.0)], 9.0, closed_until=0.0, final=True) == [SoundHeard(5.0, 7.0, "[Music]")]


def test_a_sound_that_another_answer_has_not_is_not_told() -> None:
    sounds = Sounds(1.5)
    sounds.update([music(2.0, 3.0)], 3.0, closed_until=0.0)
    assert sounds.update([music(2.0, 3.0, "[Noise]")], 6.0, closed_until=0.0) == []
    assert sounds.update([], 7.0, closed_until=0.0, final=True) == []


def test_what_lies_before_a_closed_segment_is_told_now_or_never() -> None:
    sounds = Sounds(1.5)
    told = sounds.update([music(1.0, 2.0), music(5.0, 6.0)], 6.0, closed_until=4.0)
    assert told == [SoundHeard(1.0, 2.0, "[Music]")]


def test_all_is_told_at_the_end_but_what_has_no_length() -> None:
    sounds = Sounds(1.5)
    hypothesis = [music(1.0, 1.0), music(2.0, 3.0, "[Silence]"), music(2.5, 4.0, "[Noise]")]
    told = sounds.update(hypothesis, 4.0, closed_until=0.0, final=True)
    assert told == [SoundHeard(2.0, 3.0, "[Silence]"), SoundHeard(3.0, 4.0, "[Noise]")], "they do not overlap"


def test_sounds_stand_among_the_words_by_time_and_in_front_of_the_hypothesis() -> None:
    early, late, last = (
        SoundHeard(0.0, 1.0, "[Noise]"),
        SoundHeard(2.0, 3.0, "[Music]"),
        SoundHeard(9.0, 9.5, "[Noise]"),
    )
    first, second = (WordsCommitted(n, 0, (Word("word", at, at + 0.5, 0),), "word") for n, at in enumerate((1.2, 3.1)))
    events: list[LiveEvent] = [first, second, Hypothesis(())]
    assert among(events, [early, late, last]) == [early, first, late, second, last, Hypothesis(())]
    assert among([], []) == []


async def test_what_nobody_says_passes_only_where_sounds_are_wanted_and_is_no_turn() -> None:
    tone = (0.1 * np.sin(2 * np.pi * 3_000 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
    room = np.random.default_rng(0).normal(0, 1e-3, tone.size).astype(np.float32)
    for wanted, samples, passes in ((False, tone, False), (True, tone, True), (True, room, False)):
        listener = Listener(silence=1.0, release=10.0)
        listener.set_turns(TurnDetection())
        listener.sounds = wanted
        found = await listener.hear(samples)
        assert any(isinstance(one, GatedAudio) for one in found) == passes
        assert not any(isinstance(one, TurnStart) for one in found)
