"""What a session's ears let pass, whenever somebody asks for what is left."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.live.ears.gate import GatedAudio
from server.live.ears.listener import Listener, warmed_up
from server.live.ears.turns import TurnIdle, TurnStart
from server.live.vocabulary.turn_detection import TurnDetection
from server.speech.detector import SpeechDetector
from tests.support.samples import SAMPLES, SHORT, truth


@pytest.mark.parametrize("cut", [100, 777, 1_500])
async def test_audio_behind_a_flush_in_silence_is_not_lost(cut: int) -> None:
    """The silence that was left of a frame stands in front of the speech that follows."""
    speech = soundfile.read(SHORT, dtype="float32")[0]
    noise = np.random.default_rng(0).normal(0, 1e-4, SAMPLE_RATE).astype(np.float32)
    listener, passed = Listener(silence=1.0, release=10.0), list[GatedAudio]()
    for piece in (noise[:cut], noise[cut : 2 * cut], noise[2 * cut :], *np.split(speech, [cut, 10 * cut])):
        passed += [found for found in await listener.hear(piece) if isinstance(found, GatedAudio)]
        if not passed:
            assert listener.rest() is None
    assert listener.until == (noise.size + speech.size) / SAMPLE_RATE
    starts = noise.size + truth(SHORT)[0]["Start"] * SAMPLE_RATE
    assert starts - SAMPLE_RATE < passed[0].block.start < starts
    for before, after in pairwise(passed):
        assert before.block.end == after.block.start
    heard = np.concatenate([noise, speech])
    for one in passed:
        assert np.array_equal(one.block.samples, heard[one.block.start : one.block.end])


async def test_silence_that_is_too_long_is_found_where_it_is() -> None:
    """However the audio comes: what is found is a matter of audio, and not of when it came."""
    speech = soundfile.read(SHORT, dtype="float32")[0]
    heard = np.concatenate([np.zeros(6 * SAMPLE_RATE, np.float32), speech])
    found = []
    for pieces in (1, 60):
        listener = Listener(silence=1.0, release=10.0)
        listener.set_turns(TurnDetection(idle=2.5))
        findings = [found for piece in np.array_split(heard, pieces) for found in await listener.hear(piece)]
        found.append([finding for finding in findings if isinstance(finding, TurnIdle | TurnStart)])
    assert found[0] == found[1]
    first, second, start, *_ = found[0]
    assert isinstance(first, TurnIdle)
    assert isinstance(second, TurnIdle)
    assert (first.since, first.at) == pytest.approx((0.0, 2.5), abs=0.05)
    assert (second.since, second.at) == pytest.approx((2.5, 5.0), abs=0.1)
    assert isinstance(start, TurnStart)
    assert start.at > second.at


def test_who_begins_some_time_before_judges_more_like_one_who_has_heard_all() -> None:
    speech = soundfile.read(SAMPLES / "long.flac", dtype="float32")[0]
    judged = SpeechDetector().probabilities(speech)
    cold = warm = 0.0
    for start, end in pairwise(range(64, 1024, 64)):
        at = start * SpeechDetector.FRAME
        cold += _mistaken(judged, speech, at, start, end)
        warm += _mistaken(judged, speech, warmed_up(at), start, end)
    assert warm < 0.8 * cold
    assert warmed_up(0.5) == 0


def _mistaken(judged: list[float], speech: Samples, begins: float, start: int, end: int) -> float:
    """How far a detector that begins at ``begins`` seconds is from what was judged of frames ``start`` to ``end``."""
    first, last = round(begins * SAMPLE_RATE), round((end + 1) * SpeechDetector.FRAME * SAMPLE_RATE)
    found = SpeechDetector().probabilities(speech[first:last])[start - end :]
    return float(np.abs(np.subtract(found, judged[start:end])).mean())
