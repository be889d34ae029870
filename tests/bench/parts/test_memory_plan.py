"""The plan of memory holds what the model's parts really make, and the cards that people own hold what they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from bench.parts.memory import plan_for
from bench.support.random_model import full_size, without_memory
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import HOP
from model.memory.footprint import Footprint
from model.memory.plan import NotEnoughMemoryError
from model.memory.planner import GPU_PAGE
from model.seam.runner import WeightFormat
from server.engine.budget import pass_seconds
from tests.model.test_memory import FULL
from tests.support.peak_memory import PeakMemory


@pytest.fixture(scope="module")
def model() -> VibeVoiceAsrForConditionalGeneration:
    return without_memory(full_size())


def test_the_footprint_is_the_full_models(model: VibeVoiceAsrForConditionalGeneration) -> None:
    assert Footprint.of(model) == FULL


@pytest.mark.parametrize("frames", [48, 150, 450])
def test_encoding_takes_what_is_planned(model: VibeVoiceAsrForConditionalGeneration, frames: int) -> None:
    """Also: the encoders keep nothing alive that they are done with."""
    with PeakMemory() as memory:
        StreamingEncoder(model).encode([EncoderState()], [np.zeros(frames * HOP, dtype=np.float32)])
    planned = FULL.encoding_bytes(frames, 2) + FULL.convolutions * 2
    assert 0.95 * planned < memory.peak < 1.02 * planned


def test_a_decoder_layer_takes_what_is_planned(model: VibeVoiceAsrForConditionalGeneration) -> None:
    layer = model.model.language_model.layers[0]
    inputs = 2048
    with PeakMemory() as memory, torch.inference_mode():
        hidden = torch.empty(inputs, FULL.hidden, dtype=torch.bfloat16, device="meta")
        layer.mlp(layer.post_attention_layernorm(hidden)).add_(hidden)
    planned = FULL.layer_bytes(inputs, "bf16", 2)
    assert 0.9 * planned < memory.peak <= planned


def test_the_head_takes_what_is_planned(model: VibeVoiceAsrForConditionalGeneration) -> None:
    """Scores in bfloat16 and in float32; the exponentials of the logsumexp come on top inside of it."""
    hidden = torch.empty(512, FULL.hidden, dtype=torch.bfloat16, device="meta")
    with PeakMemory() as memory, torch.inference_mode():
        scores = model.lm_head(hidden)
        memory_of_floats = scores.float()
        assert memory_of_floats.shape == (512, FULL.vocabulary)
    assert memory.peak + 512 * FULL.vocabulary * 4 == FULL.head_bytes(512)


@pytest.mark.parametrize(
    ("gigabytes", "weights", "minutes"),
    [(8, "nf4", 20), (12, "nf4", 60), (16, "nf4", 120), (16, "int8", 60), (16, "fp8", 60), (24, "bf16", 60)],
)
def test_cards_hold_what_people_bring(
    model: VibeVoiceAsrForConditionalGeneration, gigabytes: int, weights: WeightFormat, minutes: int
) -> None:
    positions = plan_for(model, gigabytes, weights).pages(GPU_PAGE) * GPU_PAGE
    assert pass_seconds(VIBEVOICE_ASR, positions) >= 60 * minutes


@pytest.mark.parametrize(("gigabytes", "weights"), [(8, "bf16"), (8, "int8"), (12, "bf16"), (16, "bf16")])
def test_cards_that_are_too_small_do_not_start(
    model: VibeVoiceAsrForConditionalGeneration, gigabytes: int, weights: WeightFormat
) -> None:
    with pytest.raises(NotEnoughMemoryError):
        plan_for(model, gigabytes, weights)


def test_the_peak_is_of_what_lives_at_the_same_time() -> None:
    with PeakMemory() as memory:
        first = torch.zeros(100)
        view = first[:50]
        del first
        torch.zeros(200)
        assert memory.peak == 1200
        del view
        torch.zeros(250)
        assert memory.peak == 1200
        torch.zeros(400)
        assert memory.peak == 1600
