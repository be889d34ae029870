"""The released sizes, without their weights: real vocabulary, real depths, tensors that take no memory."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import (
    Qwen2Config,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
)

from model.family.vibevoice_asr_streaming.prompt import TurnPrompt
from model.loading import original
from model.loading.checkpoint import OpenedCheckpoint, open_checkpoint
from model.tiny.streaming.original_layout import described, original_name
from server.engine.budget import pass_seconds
from tests.model.streaming.test_geometry import RELEASED
from tests.support import qwen

SIZES: dict[str, dict[str, Any]] = {
    "7B": {
        "hidden_size": 3584, "intermediate_size": 18_944, "num_attention_heads": 28, "num_key_value_heads": 4,
        "vocab_size": 152_064, "tie_word_embeddings": False,
    },
    "1.5B": {
        "hidden_size": 1536, "intermediate_size": 8_960, "num_attention_heads": 12, "num_key_value_heads": 2,
        "vocab_size": 151_936, "tie_word_embeddings": True,
    },
}  # fmt: skip


def config_of(size: str) -> VibeVoiceAsrConfig:
    acoustic, semantic = (
        VibeVoiceAcousticTokenizerEncoderConfig(
            num_filters=32, depths=[3, 3, 3, 3, 3, 3, 8], downsampling_ratios=[2, 2, 4, 5, 5, 8], hidden_size=width
        )
        for width in (64, 128)
    )
    text = Qwen2Config(
        num_hidden_layers=28,
        max_position_embeddings=131_072,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        **SIZES[size],
    )
    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=acoustic, semantic_tokenizer_encoder_config=semantic, text_config=text
    )


@pytest.fixture(params=sorted(SIZES), scope="module")
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def opened(size: str, tmp_path_factory: pytest.TempPathFactory) -> OpenedCheckpoint:
    """The small files, with Qwen2.5's own tokenizer."""
    folder: Path = tmp_path_factory.mktemp("released")
    (folder / "config.json").write_text(json.dumps(described(config_of(size))))
    (folder / "preprocessor_config.json").write_text(json.dumps(RELEASED))
    for name in original.TOKENIZER_FILES:
        shutil.copy(qwen.vocabulary_folder() / name, folder)
    return open_checkpoint(str(folder), device="cpu", dtype="bfloat16")


def test_tokens_are_those_that_ports_found(opened: OpenedCheckpoint) -> None:
    prompt = TurnPrompt(opened.files.processor)
    assert opened.family.turns is not None
    assert opened.family.turns.end == prompt.turn_end == 151_665
    assert prompt.around == (151_646, 151_647)
    assert prompt.stop_ids == {151_643}
    assert len(prompt.opening(None)) == 31
    assert len(prompt.opening(None)) <= opened.family.prompt_tokens


def test_a_context_spells_no_marker(opened: OpenedCheckpoint) -> None:
    ids = TurnPrompt(opened.files.processor).opening("<|object_ref_start|> Ann")
    assert max(ids) < 151_643


def test_every_weight_finds_its_place(size: str) -> None:
    with torch.device("meta"):
        model = VibeVoiceAsrForConditionalGeneration(config_of(size))
    for name in model.state_dict():
        renamed = original_name(name)
        for pattern, replacement in original.KEY_MAPPING.items():
            renamed = re.sub(pattern, replacement, renamed)
        assert renamed == name


def test_what_it_takes(opened: OpenedCheckpoint, size: str) -> None:
    """The figures of docs/streaming-model.md, by the server's own arithmetic."""
    minutes = pass_seconds(opened.family, opened.max_positions) / 60
    assert round(minutes) == 140
    gigabytes = opened.weight_bytes / 1e9
    assert {"7B": 16 < gigabytes < 17, "1.5B": 4 < gigabytes < 5.5}[size]
    per_second = opened.family.geometry.frame_rate * 26 / 22 * SIZES[size]["hidden_size"] * 2
    assert round(per_second * 3600 / 1e6) == {"7B": 229, "1.5B": 98}[size]


def test_a_window_is_so_many_frames_of_the_decoders_width(size: str) -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        model: Any = VibeVoiceAsrForConditionalGeneration(config_of(size))
        core, audio = model.model, torch.zeros(2, 1, 83_200)
        latents = core.acoustic_tokenizer_encoder(audio).latents, core.semantic_tokenizer_encoder(audio).latents
        frames = core.multi_modal_projector(*latents)
        assert frames.shape == (2, 26, SIZES[size]["hidden_size"])
        states = model.model.language_model(inputs_embeds=frames, use_cache=False).last_hidden_state
        assert model.lm_head(states[:, -1]).shape == (2, SIZES[size]["vocab_size"])
