"""What a model's parts are said to take, against what modules and tensors of a small one really take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from transformers import (
    Qwen2Config,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
)

from model.encoder.streaming import EncoderState, StreamingEncoder
from model.memory.footprint import Footprint
from model.quantised.conversion import quantise
from model.seam.runner import WeightFormat
from tests.support.peak_memory import PeakMemory

CPU = torch.device("cpu")
FLOAT = 4
"""Bytes of a number of the models here."""


def configuration(
    *, inner: int = 768, query_heads: int = 8, tied: bool = False, filters: tuple[int, int] = (16, 8)
) -> VibeVoiceAsrConfig:
    """No two widths are the same, and every linear map is whole blocks of whatever has a scale of its own."""
    text = cast(Any, Qwen2Config)(
        vocab_size=2000,
        hidden_size=256,
        intermediate_size=inner,
        num_hidden_layers=3,
        num_attention_heads=query_heads,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=1024,
        tie_word_embeddings=tied,
    )
    acoustic, semantic = (
        VibeVoiceAcousticTokenizerEncoderConfig(
            num_filters=each, depths=[1, 1, 1, 1], downsampling_ratios=[2, 4, 5], hidden_size=2 * each, ffn_expansion=3
        )
        for each in filters
    )
    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=acoustic, semantic_tokenizer_encoder_config=semantic, text_config=text
    )


def model_of(config: VibeVoiceAsrConfig) -> VibeVoiceAsrForConditionalGeneration:
    """With weights of its own, in float32."""
    torch.manual_seed(0)
    made = cast(Any, VibeVoiceAsrForConditionalGeneration)._from_config(config, dtype=torch.float32)
    return cast(VibeVoiceAsrForConditionalGeneration, made.eval())


@pytest.fixture(scope="module")
def model() -> VibeVoiceAsrForConditionalGeneration:
    return model_of(configuration())


@pytest.fixture(scope="module")
def footprint(model: VibeVoiceAsrForConditionalGeneration) -> Footprint:
    return Footprint.of(model)


def linear_maps(model: VibeVoiceAsrForConditionalGeneration) -> list[torch.nn.Linear]:
    layers = model.model.language_model.layers
    return [module for module in layers.modules() if isinstance(module, torch.nn.Linear)]


@pytest.mark.parametrize(("inner", "query_heads"), [(768, 8), (128, 8), (256, 2)])
def test_weights_are_counted_as_the_model_has_them(inner: int, query_heads: int) -> None:
    model = model_of(configuration(inner=inner, query_heads=query_heads))
    footprint = Footprint.of(model)
    maps = linear_maps(model)
    language = model.model.language_model
    embedding, head = language.embed_tokens.weight, model.lm_head.weight
    linears = sum(each.weight.numel() for each in maps)
    decoder = sum(each.numel() for each in language.parameters())
    assert footprint.linears == linears
    assert footprint.rows == sum(each.out_features for each in maps)
    assert footprint.largest == max(each.weight.numel() for each in maps)
    assert (footprint.table, footprint.head) == (embedding.numel(), head.numel())
    assert footprint.vectors == decoder - linears - embedding.numel()
    everything = sum(each.numel() for each in model.parameters())
    assert footprint.encoders == everything - decoder - head.numel()
    assert (footprint.hidden, footprint.inner, footprint.vocabulary) == (256, inner, 2000)


def test_a_head_that_shares_the_embedding_adds_nothing() -> None:
    model = model_of(configuration(tied=True))
    model.lm_head.weight = cast(torch.nn.Embedding, model.get_input_embeddings()).weight  # as loading does
    footprint = Footprint.of(model)
    assert footprint.head == 0
    assert footprint.weight_bytes("bf16", 2) == 2 * sum(each.numel() for each in model.parameters())


def test_a_model_that_is_not_there_yet_has_the_same_footprint(footprint: Footprint) -> None:
    assert Footprint.of_config(configuration()) == footprint


def stored(module: torch.nn.Module) -> int:
    """Bytes of a linear map without its bias: weights and scales; of NF4 not the tables, which are the same for all."""
    if isinstance(module, torch.nn.Linear) and hasattr(module.weight, "quant_state"):
        state = module.weight.quant_state
        return int(module.weight.nbytes + state.absmax.nbytes + state.state2.absmax.nbytes)
    tensors = dict(module.named_buffers()) | dict(module.named_parameters())
    return sum(each.nbytes for name, each in tensors.items() if name != "bias")


@pytest.mark.parametrize("weights", ["bf16", "int8", "fp8", "nf4"])
def test_weights_take_what_modules_of_their_format_take(weights: WeightFormat) -> None:
    if weights == "nf4":
        pytest.importorskip("bitsandbytes", reason="the extra `quantised` is not installed")
    model = model_of(configuration())
    paths = [
        name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and ".layers." in name
    ]
    quantise(model, weights, CPU)
    footprint = Footprint.of(model)
    taken = sum(stored(model.get_submodule(path)) for path in paths)
    assert footprint.linear_bytes(weights, FLOAT) == taken
    others = footprint.table + footprint.head + footprint.vectors + footprint.encoders
    assert footprint.weight_bytes(weights, FLOAT) == taken + FLOAT * others


def test_the_streaming_encoder_keeps_its_convolutions_a_second_time(
    model: VibeVoiceAsrForConditionalGeneration, footprint: Footprint
) -> None:
    with PeakMemory() as memory:
        encoder = StreamingEncoder(model)
    assert memory.alive == pytest.approx(FLOAT * footprint.convolutions, rel=0.01)
    state = EncoderState()
    encoder.encode([state], [np.zeros(footprint.hop, np.float32)])
    assert state.acoustic.values is not None
    assert state.semantic.values is not None
    kept = state.acoustic.values.numel() + state.semantic.values.numel()
    assert kept == pytest.approx(footprint.history, rel=0.05)  # a first convolution without bias joins the second


@pytest.mark.parametrize("filters", [(16, 8), (8, 24)])
@pytest.mark.parametrize("frames", [100, 300])
def test_encoding_takes_what_tensors_of_that_many_frames_take(frames: int, filters: tuple[int, int]) -> None:
    model = model_of(configuration(filters=filters))
    encoder, footprint = StreamingEncoder(model), Footprint.of(model)
    with PeakMemory() as memory:
        encoder.encode([EncoderState()], [np.zeros(frames * footprint.hop, np.float32)])
    assert memory.peak == pytest.approx(footprint.encoding_bytes(frames, FLOAT), rel=0.015)


def test_audio_lies_there_in_float32_and_in_the_models_own_numbers(footprint: Footprint) -> None:
    silent = replace(footprint, frame=0)
    assert silent.hop == 40
    assert silent.encoding_bytes(3, 2) == 3 * 40 * (4 + 2)
    assert silent.encoding_bytes(3, 4) == 3 * 40 * (4 + 4)
