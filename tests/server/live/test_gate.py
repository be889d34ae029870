"""Which audio passes the gate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE
from server.live.ears.gate import SpeechGate
from server.windows.block import Block

FRAME = 0.032


def frame(number: int) -> Block:
    size = round(FRAME * SAMPLE_RATE)
    return Block(number * size, np.full(size, number, np.float32))


def test_the_gate_passes_speech_with_its_surroundings_once() -> None:
    gate = SpeechGate(frame=FRAME, silence=1.0)
    probabilities = [0.01] * 100 + [0.9] * 50 + [0.01] * 100
    passed, silences = [], 0
    for number, probability in enumerate(probabilities):
        audio, silent = gate.feed(frame(number), probability)
        silences += silent
        if audio:
            passed.append(audio)
    first, last = passed[0].block.start / SAMPLE_RATE, passed[-1].block.end / SAMPLE_RATE
    assert 100 * FRAME - 0.6 < first < 100 * FRAME - 0.4
    assert 150 * FRAME + 0.9 < last < 150 * FRAME + 1.1
    assert all(one.block.end == other.block.start for one, other in itertools.pairwise(passed))
    assert silences == 1
    assert gate.quiet == pytest.approx(100 * FRAME)
