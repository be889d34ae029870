"""What thresholds mean: confidence of silences, and the silences that are waited for."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.protocols.flux.end_of_turn import MOST, Thresholds, confidence, silence_of

SILENCES = st.floats(0, 100)
THRESHOLDS = st.floats(0.3, 1.0)
TIMEOUTS = st.integers(500, 60_000)


@given(SILENCES, SILENCES)
def test_confidence_grows_with_the_silence_and_faster_behind_the_end_of_a_sentence(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    for finished in (True, False):
        assert 0 <= confidence(shorter, finished=finished) <= confidence(longer, finished=finished) <= MOST
    assert confidence(shorter, finished=False) <= confidence(shorter, finished=True)


@given(THRESHOLDS, st.booleans())
def test_a_threshold_is_reached_by_its_silence_and_by_nothing_shorter(threshold: float, finished: bool) -> None:
    silence = silence_of(threshold, finished=finished)
    if threshold > MOST:
        assert silence == math.inf
        return
    assert confidence(silence + 1e-3, finished=finished) >= threshold
    assert confidence(silence - 1e-3, finished=finished) <= threshold


@given(THRESHOLDS.filter(lambda it: it >= 0.5), TIMEOUTS)
def test_a_turn_ends_sooner_behind_the_end_of_a_sentence_and_at_the_timeout_anyhow(eot: float, timeout: int) -> None:
    turns = Thresholds(eot, None, timeout).turns
    assert turns.pauses is not None
    assert 0.3 <= turns.pauses.finished <= turns.silence <= timeout / 1000


@pytest.mark.parametrize("timeout", [500, 5000, 60_000])
def test_higher_thresholds_wait_longer(timeout: int) -> None:
    waited = [Thresholds(eot, None, timeout).turns for eot in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    for less, more in pairwise(waited):
        assert less.pauses is not None
        assert more.pauses is not None
        assert less.silence <= more.silence
        assert less.pauses.finished <= more.pauses.finished
    assert waited[-1].silence == timeout / 1000


def test_what_the_documentation_says_of_the_defaults() -> None:
    turns = Thresholds().turns
    assert turns.pauses is not None
    assert (round(turns.pauses.finished, 2), round(turns.silence, 2)) == (0.54, 1.08)
    assert turns.pauses.looks == (0.2,)


def test_an_end_is_announced_before_it_comes() -> None:
    for eager, eot in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9)):
        turns = Thresholds(eot, eager).turns
        assert turns.pauses is not None
        first, finished, unfinished = turns.pauses.looks
        assert first <= finished <= turns.pauses.finished
        assert finished <= unfinished <= turns.silence
