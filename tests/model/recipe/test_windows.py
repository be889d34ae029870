"""What a live server would let pass of a recording, made without one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from model.tiny.recipe.recordings import Recording, Segment, Word
from model.tiny.recipe.speech.utterance import SAMPLE_RATE
from model.tiny.recipe.windows import gated


def _said(start: float, end: float, voice: int) -> Segment:
    return Segment(start, end, voice, (Word(voice, start, end),))


@pytest.fixture
def recording() -> Recording:
    """Twenty seconds in which each sample tells its own time."""
    turns = [_said(3.0, 4.0, 0), _said(4.5, 6.0, 1), Segment(6.0, 12.0, -1, tag="[Noise]"), _said(12.0, 13.0, 0)]
    return Recording(np.linspace(0, 20, 20 * SAMPLE_RATE, endpoint=False, dtype=np.float32), turns)


def test_long_silences_are_gone_and_nothing_that_is_said(recording: Recording) -> None:
    heard = gated(recording, random.Random(0))
    before = [turn for turn in recording.segments if not turn.tag]
    assert [(turn.voice, turn.complete) for turn in heard.segments] == [(turn.voice, True) for turn in before]
    for turn, original in zip(heard.segments, before, strict=True):
        assert heard.samples[round(turn.start * SAMPLE_RATE)] == pytest.approx(original.start, abs=0.001)
        assert turn.end - turn.start == pytest.approx(original.end - original.start)
        (word,) = turn.words
        assert (word.start, word.end) == pytest.approx((turn.start, turn.end))
    first, second, third = heard.segments
    assert 0.4 <= first.start <= 0.6
    assert second.start - first.end == pytest.approx(0.5), "short ones stay"
    assert 0.9 + 0.4 <= third.start - second.end <= 1.3 + 0.6
    assert 0.9 <= heard.seconds - third.end <= 1.3
