"""A stand-in for the hub's snapshot of microsoft/VibeVoice-ASR-HF: everything as there, but small random weights.

Files, shards with their index, names and dtype of the weights, the 152,064 rows of the embeddings, tokenizer, template,
processor and generation settings are what Transformers' conversion script (``convert_vibevoice_asr_to_hf.py``) writes;
the encoders have all their layers, with few filters. So this is where code meets the real checkpoint's ways first.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    Qwen2Config,
    Qwen2Tokenizer,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAcousticTokenizerFeatureExtractor,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
    VibeVoiceAsrProcessor,
)

from model.loading.checkpoint import TINY
from tests.support import qwen

ROWS = 152_064
"""Of the embeddings and the head: more than the 151,665 tokens that the tokenizer names."""
_HIDDEN = 128
_FILTERS = 2
_SHARD = "40MB"
_TEMPLATE = TINY / "chat_template.jinja"
"""The bundled checkpoint has the conversion script's template, character for character."""
_BASE_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
"""In the place of the template that the tokenizer of Qwen2.5 brings along, and that nothing here may use."""


@cache
def snapshot() -> Path:
    """The snapshot's folder; about 90 MB, made in some seconds where it is not there yet."""
    return qwen.cached("snapshot", _write, Path(__file__), Path(qwen.__file__), _TEMPLATE)


@cache
def processor() -> VibeVoiceAsrProcessor:
    """The snapshot's. Shared by everybody in this process: not to be changed."""
    return VibeVoiceAsrProcessor.from_pretrained(snapshot())


def _write(folder: Path) -> None:
    tokenizer = Qwen2Tokenizer.from_pretrained(qwen.vocabulary_folder())
    tokenizer.chat_template = _BASE_TEMPLATE
    make_processor: Any = VibeVoiceAsrProcessor  # neither constructor is annotated
    make_extractor: Any = VibeVoiceAcousticTokenizerFeatureExtractor
    made = make_processor(
        feature_extractor=make_extractor(),
        tokenizer=tokenizer,
        chat_template=_TEMPLATE.read_text(encoding="utf-8"),
    )
    made.save_pretrained(folder)
    model: Any = VibeVoiceAsrForConditionalGeneration(_configuration())
    _draw(model)
    settings = model.generation_config
    settings.eos_token_id = tokenizer.eos_token_id
    settings.pad_token_id = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    settings.do_sample = False
    settings.max_new_tokens = settings.max_length = 32_768
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size=_SHARD)


def _configuration() -> VibeVoiceAsrConfig:
    text = Qwen2Config(
        vocab_size=ROWS,
        hidden_size=_HIDDEN,
        intermediate_size=4 * _HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=131_072,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=False,
    )
    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=_encoder(64),
        semantic_tokenizer_encoder_config=_encoder(128),
        text_config=text,
    )


def _encoder(latent: int) -> VibeVoiceAcousticTokenizerEncoderConfig:
    return VibeVoiceAcousticTokenizerEncoderConfig(
        num_filters=_FILTERS,
        depths=[3, 3, 3, 3, 3, 3, 8],
        downsampling_ratios=[2, 2, 4, 5, 5, 8],
        hidden_size=latent,
    )


def _draw(model: VibeVoiceAsrForConditionalGeneration) -> None:
    """Weights of a size that every layer matters, as it does after training; the initial ones hide whole blocks."""
    chance = torch.Generator().manual_seed(20_260_126)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "gamma" in name:  # how much a block of the encoders adds
                weight.uniform_(0.05, 0.35, generator=chance)
            elif "norm" in name:
                weight.normal_(1.0, 0.1, generator=chance)
            elif weight.ndim == 1:
                weight.normal_(0.0, 0.02, generator=chance)
            else:
                fan_in = weight[0].numel()
                weight.normal_(0.0, 1.0 if "embed_tokens" in name else fan_in**-0.5, generator=chance)
