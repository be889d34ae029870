"""Pauses inside of what somebody says, and words around them."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

import server.speech.pauses
from model.seam.audio import SAMPLE_RATE, Samples
from server.speech.pauses import Pauses
from server.transcript.pausing import shared_out, stretches
from server.transcript.segments import Segment
from server.transcript.words import segment_words


def sound(*parts: tuple[float, float], seed: int = 0) -> Samples:
    """Noise by seconds and RMS level in dBFS."""
    rng = np.random.default_rng(seed)
    pieces = [10 ** (level / 20) * rng.standard_normal(round(seconds * SAMPLE_RATE)) for seconds, level in parts]
    return np.concatenate(pieces).astype(np.float32)


TALK = ((1.0, -60.0), (2.0, -20.0), (0.5, -60.0), (1.0, -25.0), (0.1, -60.0), (1.0, -20.0), (1.0, -60.0))
"""Speech from 1 to 5.6 s, with a pause from 3 to 3.5 and a plosive from 4.5."""


def heard(samples: Samples, first: int = 0, block: int = SAMPLE_RATE) -> Pauses:
    pauses = Pauses()
    for start in range(0, samples.size, block):
        pauses.hear(first + start, samples[start : start + block])
    return pauses


@pytest.mark.parametrize("gain", [0.0, -30.0])
@pytest.mark.parametrize("block", [480, 10_001, 1 << 20])
def test_a_pause_is_found_at_any_level_however_the_sound_comes(gain: float, block: int) -> None:
    samples = sound(*((seconds, level + gain) for seconds, level in TALK))
    found = heard(samples, block=block).within(1.0, 5.6)
    assert len(found) == 1
    assert found[0] == pytest.approx((3.0, 3.5), abs=0.041)


def test_noise_without_a_pause_has_none_and_what_was_not_heard_is_not_guessed() -> None:
    assert heard(sound((10.0, -30.0))).within(1.0, 9.0) == ()
    late = heard(sound(*TALK), first=10 * SAMPLE_RATE)
    assert late.within(11.0, 15.6)[0] == pytest.approx((13.0, 13.5), abs=0.021)
    assert late.within(8.0, 15.6) == ()
    assert late.within(11.0, 30.0) == ()


@pytest.mark.parametrize("span", [(-2.0, -1.0), (4.0, 3.0), (3.2, 3.2), (70.0, 71.0)])
def test_there_are_none_in_times_that_are_none(span: tuple[float, float]) -> None:
    assert heard(sound(*TALK)).within(*span) == ()


def test_parts_are_as_loud_as_their_loudest_place_and_silent_where_nothing_was_heard() -> None:
    talk = heard(sound(*TALK, (0.4, -60.0)))
    told = talk.loudest(0.0, 7.0, 7)
    assert [round(level, -1) for level in told] == [-60, -20, -20, -20, -20, -20, -60]
    assert talk.loudest(-2.0, 7.0, 9)[:2] == (-120, -120)
    assert talk.loudest(0.0, 14.0, 14) == (*told, *[-120] * 7)
    assert talk.loudest(0.0, 7.0, 1000)[464] < -55, "in the pause"
    assert Pauses().loudest(0.0, 7.0, 7) == ()


def test_what_is_heard_again_changes_nothing() -> None:
    samples = sound(*TALK)
    pauses = heard(samples)
    pauses.hear(SAMPLE_RATE + 7, sound((4.0, -20.0)))
    assert pauses.within(1.0, 5.6) == heard(samples).within(1.0, 5.6)


def test_words_lie_between_pauses() -> None:
    segment = Segment(0, 1.0, 5.0, 0, "Well, I think so too.", pauses=((1.4, 3.0), (4.0, 4.02)))
    words = [(word.word, round(word.start, 2), round(word.end, 2)) for word in segment_words(segment)]
    assert words[0] == ("Well,", 1.0, 1.4)
    assert words[1][1] == 3.0
    assert words[-1][2] == 5.0
    assert [word for word, *_ in words] == ["Well,", "I", "think", "so", "too."]
    assert all(one[2] <= other[1] for one, other in pairwise(words))


def test_words_are_shared_out_by_how_long_they_take() -> None:
    assert shared_out([4, 4, 4, 4], [(0.0, 1.0), (2.0, 5.0)]) == [1, 3]
    assert shared_out([5, 5], [(0.0, 1.0), (1.2, 1.3), (2.0, 3.0)]) == [1, 0, 1]
    assert shared_out([9], [(0.0, 1.0), (2.0, 2.1)]) == [1, 0]


def test_stretches_are_what_pauses_leave() -> None:
    assert stretches(1.0, 4.0, [(0.0, 1.2), (2.0, 3.0), (3.99, 9.0)]) == [(1.2, 2.0), (3.0, 3.99)]
    assert stretches(1.0, 2.0, [(0.0, 9.0)]) == [(1.0, 2.0)]
    assert stretches(1.0, 2.0, []) == [(1.0, 2.0)]


def test_what_is_forgotten_takes_no_room_and_the_rest_is_as_it_was() -> None:
    samples = sound(*TALK, *TALK)
    pauses, all_of_it = heard(samples), heard(samples)
    second = sum(seconds for seconds, _ in TALK)
    expected = all_of_it.within(second + 1.0, second + 5.6)
    assert len(expected) == 1
    for before in (-5.0, 2.0, 1.0, second):
        pauses.forget(round(before * SAMPLE_RATE))
        assert pauses.within(second + 1.0, second + 5.6) == expected
    assert pauses.within(1.0, 5.6) == ()
    pauses.hear(0, samples)
    assert pauses.within(1.0, 5.6) == ()
    assert pauses.within(second + 1.0, second + 5.6) == expected


def test_who_forgets_needs_no_more_room_after_days() -> None:
    samples, pauses = sound(*TALK), Pauses()
    tracemalloc.start(8)  # frames: NumPy has some of its own
    try:
        for hour in range(100):
            pauses.hear(hour * 3600 * SAMPLE_RATE, samples)
            assert len(pauses.within(hour * 3600 + 1.0, hour * 3600 + 5.6)) == 1
            pauses.forget((hour + 1) * 3600 * SAMPLE_RATE)
        theirs = tracemalloc.Filter(True, server.speech.pauses.__file__, all_frames=True)
        traces = tracemalloc.take_snapshot().filter_traces([theirs]).traces
    finally:
        tracemalloc.stop()
    held = sum(trace.size for trace in traces)
    assert 0 < held < 3600 * 50, "of one hour it would be a byte for each 20 ms"
