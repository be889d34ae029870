"""The tiny network: configuration, first weights, and the checkpoint folder."""

import copy
import os
from pathlib import Path

import torch
from torch import nn
from transformers import (
    GenerationConfig,
    Qwen2Config,
    Qwen2TokenizerFast,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAcousticTokenizerFeatureExtractor,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
    VibeVoiceAsrProcessor,
)

from . import tokenizer as tokenizers

SAMPLE_RATE = 24_000
HOP = 3_200
LAYERS = 6

# The template of the real checkpoint, as its converter writes it.
CHAT_TEMPLATE = """{%- set system_prompt = system_prompt | default("You are a helpful assistant that transcribes audio input into text output in JSON format.") -%}
<|im_start|>system
{{ system_prompt }}<|im_end|>
{%- set audio_token = audio_token | default("<|box_start|>") -%}
{%- set audio_start_token = "<|object_ref_start|>" -%}
{%- set audio_end_token = "<|object_ref_end|>" -%}
{%- for message in messages -%}
    {%- if message['role'] == 'user' -%}
{{ '\\n' }}<|im_start|>user{{ '\\n' }}{%- set text_items = message['content'] | selectattr('type', 'equalto', 'text') | list -%}
        {%- set context_text = text_items[0]['text'] if text_items else none -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'audio' -%}
{{ audio_start_token }}{{ audio_token }}{{ audio_end_token }}{{ "\\n" }}{%- if context_text -%}
This is a <|AUDIO_DURATION|> seconds audio, with extra info: {{ context_text }}

Please transcribe it with these keys: Start time, End time, Speaker ID, Content{%- else -%}
This is a <|AUDIO_DURATION|> seconds audio, please transcribe it with these keys: Start time, End time, Speaker ID, Content{%- endif -%}
            {%- endif -%}
        {%- endfor -%}
<|im_end|>{{ '\\n' }}
    {%- endif -%}
{%- endfor -%}"""  # noqa: E501


def _encoder_config(filters: int, latent: int, depths: list[int]) -> dict[str, object]:
    # The steep ratios come first and have no blocks: all that happens at high rates is one linear filter bank.
    return VibeVoiceAcousticTokenizerEncoderConfig(
        num_filters=filters,
        hidden_size=latent,
        depths=depths,
        downsampling_ratios=(10, 8, 5, 4, 2),
        layer_scale_init_value=0.1,
    ).to_dict()  # type: ignore[no-any-return]


def config(tokenizer: Qwen2TokenizerFast) -> VibeVoiceAsrConfig:
    """The configuration; token ids follow the tokenizer."""
    text = Qwen2Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16_384,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        initializer_range=0.05,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=_encoder_config(16, 64, [0, 0, 1, 1, 1, 1]),
        semantic_tokenizer_encoder_config=_encoder_config(6, 32, [0, 0, 1, 1, 1, 1]),
        text_config=text.to_dict(),
        audio_token_id=tokenizer.convert_tokens_to_ids("<|box_start|>"),
        audio_bos_token_id=tokenizer.convert_tokens_to_ids("<|object_ref_start|>"),
        audio_eos_token_id=tokenizer.convert_tokens_to_ids("<|object_ref_end|>"),
        tie_word_embeddings=False,
    )


def fresh(tokenizer: Qwen2TokenizerFast) -> VibeVoiceAsrForConditionalGeneration:
    """The network before training. The first two convolutions have no bias, see encoding.py."""
    model = VibeVoiceAsrForConditionalGeneration(config(tokenizer))
    for name, parameter in model.named_parameters():
        if "tokenizer_encoder" not in name:
            continue
        if parameter.dim() >= 2:
            nn.init.kaiming_normal_(parameter, nonlinearity="linear")
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


def processor(tokenizer: Qwen2TokenizerFast) -> VibeVoiceAsrProcessor:
    """The processor with the real checkpoint's template and audio settings."""
    return VibeVoiceAsrProcessor(
        feature_extractor=VibeVoiceAcousticTokenizerFeatureExtractor(), tokenizer=tokenizer, chat_template=CHAT_TEMPLATE
    )


def save(model: VibeVoiceAsrForConditionalGeneration, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the checkpoint folder; each file appears at once, so that a reader never meets half a file."""
    tokenizer = tokenizers.build()
    staging = folder / ".staging"
    staging.mkdir(parents=True, exist_ok=True)
    shipped = copy.deepcopy(model).to(dtype)
    shipped.generation_config = GenerationConfig(
        do_sample=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        max_new_tokens=4096,
    )
    shipped.save_pretrained(staging)
    processor(tokenizer).save_pretrained(staging)
    for path in sorted(staging.iterdir()):
        path.chmod(0o644)
        os.replace(path, folder / path.name)
    staging.rmdir()
