"""Encoding in parts of one duration takes the same memory however long the recording is; all tensors are counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.parts.segments import Tensors
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import load_checkpoint
from model.seam.audio import Samples

SHORT, LONG = 10, 60
"""Seconds of a recording."""
PART = 2 * 24_000 // HOP * HOP
"""Samples that are encoded at once, of 2 s."""


@pytest.fixture(scope="module")
def encoder() -> StreamingEncoder:
    return StreamingEncoder(load_checkpoint("tiny").model)


def peak(encoder: StreamingEncoder, seconds: int, part: int) -> int:
    """Most bytes of tensors that are alive at a time while so much is encoded; what it gives is not kept."""
    audio: Samples = np.random.default_rng(0).normal(0, 0.05, seconds * 24_000 // part * part).astype(np.float32)
    state, tensors = EncoderState(), Tensors()
    with torch.no_grad(), tensors:
        for at in range(0, audio.size, part):
            encoder.encode([state], [audio[at : at + part]])
    return tensors.peak


def test_a_recording_six_times_as_long_takes_no_more_in_parts_and_six_times_as_much_whole(
    encoder: StreamingEncoder,
) -> None:
    assert peak(encoder, SHORT, PART) == peak(encoder, LONG, PART)
    whole = [peak(encoder, seconds, seconds * 24_000) for seconds in (SHORT, LONG)]
    assert whole[1] == pytest.approx(LONG / SHORT * whole[0], rel=0.05)
    assert whole[0] > 2 * peak(encoder, SHORT, PART)
