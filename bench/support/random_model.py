"""A checkpoint of any size with random weights, made without files: speed does not depend on what a model has learned.

The tokenizer and the processor are those of the bundled checkpoint; of a larger vocabulary the rest stays unnamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import (
    Qwen2Config,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
    VibeVoiceAsrProcessor,
)

from model.family import VIBEVOICE_ASR
from model.loading.checkpoint import TINY, Checkpoint

_LAYER_SCALE = 0.1
"""The configuration's own initial value of 1e-6 would hide the encoders' blocks behind their residuals."""
_BIAS = 0.02


def full_size(*, layers: int = 28, blocks: Sequence[int] = (3, 3, 3, 3, 3, 3, 8)) -> VibeVoiceAsrConfig:
    """The dimensions of microsoft/VibeVoice-ASR-HF: 8.3 billion parameters.

    ``layers`` of the language model, ``blocks`` of each stage of the encoders: fewer are as wide as all of them.
    """
    text = Qwen2Config(
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_hidden_layers=layers,
        num_attention_heads=28,
        num_key_value_heads=4,
        max_position_embeddings=131_072,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=False,
    )
    return _with_encoders(text, num_filters=32, depths=list(blocks))


def small() -> VibeVoiceAsrConfig:
    """The same layers in the same order, narrow and few: a rehearsal on a CPU."""
    text = Qwen2Config(
        vocab_size=len(cast(Any, _processor()).tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16_384,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=False,
    )
    return _with_encoders(text, num_filters=2, depths=[1, 1, 1, 1, 1, 1, 1])


def random_checkpoint(config: VibeVoiceAsrConfig, device: torch.device, dtype: torch.dtype) -> Checkpoint:
    """A checkpoint on ``device`` whose answers never end by themselves: a stop token never has the highest score."""
    processor = name_audio_tokens(config)
    tokenizer = cast(Any, processor).tokenizer
    with torch.device(device):
        model = cast(Any, VibeVoiceAsrForConditionalGeneration)._from_config(config, dtype=dtype)
    _draw(model, device)
    with torch.no_grad():
        model.lm_head.weight[[tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")]] = 0
    model.generation_config.pad_token_id = tokenizer.eos_token_id
    return Checkpoint(
        name="random",
        family=VIBEVOICE_ASR,
        path=TINY,
        tokenizer_path=TINY,
        model=model.eval(),
        processor=processor,
        device=device,
        dtype=dtype,
    )


def name_audio_tokens(config: VibeVoiceAsrConfig) -> VibeVoiceAsrProcessor:
    """Make ``config`` fit the bundled checkpoint's processor, which is returned."""
    processor = _processor()
    tokenizer = cast(Any, processor).tokenizer
    for name in ("audio_token_id", "audio_bos_token_id", "audio_eos_token_id"):
        setattr(config, name, tokenizer.convert_tokens_to_ids(getattr(processor, name.removesuffix("_id"))))
    return processor


def _processor() -> VibeVoiceAsrProcessor:
    processor: VibeVoiceAsrProcessor = VibeVoiceAsrProcessor.from_pretrained(TINY)
    return processor


def without_memory(config: VibeVoiceAsrConfig) -> VibeVoiceAsrForConditionalGeneration:
    """A model in bfloat16 on torch's ``meta`` device: shapes and no numbers."""
    with torch.device("meta"):
        made = cast(Any, VibeVoiceAsrForConditionalGeneration)._from_config(config, dtype=torch.bfloat16)
    return cast(VibeVoiceAsrForConditionalGeneration, made.eval())


def _with_encoders(text: Qwen2Config, *, num_filters: int, depths: list[int]) -> VibeVoiceAsrConfig:
    def encoder(latent: int) -> VibeVoiceAcousticTokenizerEncoderConfig:
        return VibeVoiceAcousticTokenizerEncoderConfig(
            num_filters=num_filters,
            depths=depths,
            downsampling_ratios=[2, 2, 4, 5, 5, 8],
            hidden_size=latent,
            layer_scale_init_value=_LAYER_SCALE,
        )

    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=encoder(64), semantic_tokenizer_encoder_config=encoder(128), text_config=text
    )


@torch.no_grad()
def _draw(model: torch.nn.Module, device: torch.device) -> None:
    """Matrices that keep the size of what goes through them, and biases that are not zero; the rest as it was made."""
    generator = torch.Generator(device).manual_seed(0)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            weight.normal_(std=weight[0].numel() ** -0.5, generator=generator)
        elif name.endswith("bias"):
            weight.normal_(std=_BIAS, generator=generator)
