"""How the bench of word times counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.word_times.__main__ import between_pauses, by_letters, errors
from bench.word_times.attention import Looked, placed
from bench.word_times.changes import FRAME, snapped
from bench.word_times.confidence import area_under_curve, calibration_error
from bench.word_times.material import Spoken
from model.seam.audio import SAMPLE_RATE
from model.tiny.recipe.recordings import Segment, Word


def one_turn() -> Spoken:
    """Two words of a second each, with a second between them."""
    noise = np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE).astype(np.float32)
    loud = np.repeat(np.array([0.001, 0.1, 0.001, 0.1], np.float32), SAMPLE_RATE)
    turn = Segment(1.0, 4.0, 0, (Word(0, 1.0, 2.0), Word(1, 3.0, 4.0)))
    return Spoken(noise * loud, [turn], [{"Start": 1.0, "End": 4.0, "Speaker": 0, "Content": "Same same."}])


def test_errors_are_those_of_starts_and_ends() -> None:
    spoken = one_turn()
    assert errors([spoken], by_letters) == pytest.approx([0, 500, 500, 0])
    assert errors([spoken], between_pauses) == pytest.approx([0, 0, 0, 0], abs=21)


def test_words_begin_where_heads_begin_to_look_at_them() -> None:
    weights = np.zeros((1, 1, 3, 6), np.float32)
    for token, frame in ((0, 0), (0, 1), (1, 2), (2, 3), (2, 4), (2, 5)):
        weights[0, 0, token, frame] = 1.0
    looked = Looked(weights, [(0, 2), (2, 3)], start=1.0)
    assert placed(looked, [(0, 0)], 0.1, end=1.55) == [pytest.approx((1.0, 1.3)), pytest.approx((1.3, 1.55))]


def test_heads_are_not_followed_into_a_pause_that_is_heard() -> None:
    weights = np.zeros((1, 1, 2, 8), np.float32)
    for token, frame in ((0, 0), (0, 1), (1, 3), (1, 6), (1, 7)):  # the second word is looked for in the pause too
        weights[0, 0, token, frame] = 1.0
    looked = Looked(weights, [(0, 1), (1, 2)], start=0.0)
    assert placed(looked, [(0, 0)], 0.1, end=0.8)[0] == pytest.approx((0.0, 0.3), abs=0.11)
    told = placed(looked, [(0, 0)], 0.1, end=0.8, pauses=[(0.2, 0.6)])
    assert told == [pytest.approx((0.0, 0.2)), pytest.approx((0.6, 0.8))]


def test_words_meet_where_frames_change_most() -> None:
    changes = np.zeros(12, np.float32)
    changes[[4, 9]] = 0.4, 0.9  # the second is too far away
    words = [(0.0, 0.5), (0.5, 1.0), (1.3, 1.5)]
    met = 4 * FRAME
    assert snapped(words, changes) == [pytest.approx((0.0, met)), pytest.approx((met, 1.0)), (1.3, 1.5)]


def test_figures_of_confidence() -> None:
    assert calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0.0)
    assert calibration_error([0.9] * 4, [False] * 4) == pytest.approx(0.9)
    assert area_under_curve([0.9, 0.8, 0.3], [True, True, False]) == 1.0
    assert area_under_curve([0.5, 0.5], [True, False]) == 0.5
    assert math.isnan(area_under_curve([0.5], [True]))
