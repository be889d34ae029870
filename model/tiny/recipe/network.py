"""The tiny network: configuration, first weights, and the checkpoint folder."""

import copy
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    GenerationConfig,
    Qwen2Config,
    Qwen2Tokenizer,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAcousticTokenizerFeatureExtractor,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
    VibeVoiceAsrProcessor,
)

from . import tokenizer as tokenizers
from .speech.utterance import SAMPLE_RATE

HOP = 3_200
HIDDEN, LAYERS = 192, 6
ACOUSTIC_FILTERS, SEMANTIC_FILTERS = 12, 6

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
        layer_scale_init_value=0.5,
    ).to_dict()


def config(tokenizer: Qwen2Tokenizer) -> VibeVoiceAsrConfig:
    """The configuration; token ids follow the tokenizer."""
    text = Qwen2Config(
        vocab_size=-(-(len(tokenizer) + 1) // 16) * 16,  # one to spare, for the adapter of the models by turns
        hidden_size=HIDDEN,
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
    token_id: Any = tokenizer.convert_tokens_to_ids
    settings: dict[str, Any] = {"tie_word_embeddings": False}
    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=_encoder_config(ACOUSTIC_FILTERS, 64, [0, 0, 1, 3, 6, 1]),
        semantic_tokenizer_encoder_config=_encoder_config(SEMANTIC_FILTERS, 32, [0, 0, 1, 1, 1, 1]),
        text_config=text.to_dict(),
        audio_token_id=token_id("<|box_start|>"),
        audio_bos_token_id=token_id("<|object_ref_start|>"),
        audio_eos_token_id=token_id("<|object_ref_end|>"),
        **settings,
    )


def fresh(tokenizer: Qwen2Tokenizer) -> VibeVoiceAsrForConditionalGeneration:
    """The network before training. The first two convolutions have no bias, see encoding.py."""
    model = VibeVoiceAsrForConditionalGeneration(config(tokenizer))
    for name, parameter in model.named_parameters():
        if "tokenizer_encoder" not in name:
            continue
        if parameter.dim() >= 2:
            nn.init.kaiming_normal_(parameter, nonlinearity="linear")
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    for encoder in (model.model.acoustic_tokenizer_encoder, model.model.semantic_tokenizer_encoder):
        _hear_like_ears(encoder)
    return model


def _ears(pairs: int, taps: int) -> Tensor:
    """Band-pass filters in quadrature pairs, spaced and widening as on the mel scale: [2 * pairs, taps]."""
    mel = torch.linspace(math.log1p(150 / 700), math.log1p(8000 / 700), pairs)
    centre = 700 * torch.expm1(mel)[:, None]
    width = torch.clamp(pairs / 90 / (24.7 + 0.108 * centre), max=taps / SAMPLE_RATE / 4)
    time = (torch.arange(taps) - taps / 2) / SAMPLE_RATE
    envelope = torch.exp(-0.5 * (time / width) ** 2)
    phase = 2 * math.pi * centre * time
    filters = torch.cat([envelope * phase.cos(), envelope * phase.sin()])
    loudness = (1 + centre / 400) ** 1.1  # makes up for the fall of speech towards high frequencies
    bank: Tensor = filters / filters.norm(dim=1, keepdim=True) * loudness.repeat(2, 1)
    return bank


def _hear_like_ears(encoder: Any) -> None:
    """Start with the filter bank that the first three convolutions can be: training need not find it."""
    stem, first, second = encoder.stem.conv.conv, *(encoder.conv_layers[index].conv.conv for index in (0, 1))
    inner = functional.conv_transpose1d(first.weight.detach(), stem.weight.detach())[:, 0]
    stride, blocks = first.stride[0], second.kernel_size[0]
    taps = stride * (blocks - 1) + inner.shape[1]
    # Row (channel, block) of `basis` is what that weight of the third convolution adds to the whole filter.
    basis = torch.zeros(len(inner), blocks, taps)
    for block in range(blocks):
        basis[:, block, block * stride : block * stride + inner.shape[1]] = inner
    target = _ears(second.out_channels // 2, taps)
    weights = target @ torch.linalg.pinv(basis.flatten(0, 1), rtol=0.05)
    with torch.no_grad():
        second.weight.copy_(weights.unflatten(1, (len(inner), blocks)))
    _measure_bands(encoder.conv_layers[1].stage[0])


@torch.no_grad()
def _measure_bands(block: Any) -> None:
    """Let the first block begin with what ears do next: the strength of each band, from both of its filters."""
    channels = len(block.norm.weight)
    bands, one = channels // 2, torch.eye(channels)
    block.ffn.linear1.weight[: 2 * channels] = 2 * torch.cat([one, -one])
    block.ffn.linear2.weight[:bands, : 2 * channels] = 0.5 * (one[:bands] + one[bands:]).repeat(1, 2)
    block.ffn.linear2.weight[:bands, 2 * channels :] = 0
    block.ffn.linear2.bias[:bands] = -1.5
    block.gamma.fill_(0.1)
    block.ffn_gamma.fill_(1.0)


def processor(tokenizer: Qwen2Tokenizer) -> VibeVoiceAsrProcessor:
    """The processor with the real checkpoint's template and audio settings."""
    extractor = VibeVoiceAcousticTokenizerFeatureExtractor()  # type: ignore[no-untyped-call]
    return VibeVoiceAsrProcessor(  # type: ignore[no-untyped-call]
        feature_extractor=extractor, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE
    )


def save(model: VibeVoiceAsrForConditionalGeneration, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the checkpoint folder; each file appears at once, so that a reader never meets half a file."""
    tokenizer = tokenizers.build()
    staging = folder / ".staging"
    staging.mkdir(parents=True, exist_ok=True)
    shipped: Any = copy.deepcopy(model)
    shipped.to(dtype)
    shipped.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
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
        path.replace(folder / path.name)
    staging.rmdir()
