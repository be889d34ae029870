"""Widths of the language model that its configuration tells in more than one way."""

from __future__ import annotations

from typing import cast

from transformers import Qwen2Config, VibeVoiceAsrForConditionalGeneration


def language_config(model: VibeVoiceAsrForConditionalGeneration) -> Qwen2Config:
    """Configuration of the language model inside."""
    return cast(Qwen2Config, model.config.text_config)


def head_dim(config: Qwen2Config) -> int:
    """Width of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def kv_heads(config: Qwen2Config) -> int:
    """Key and value heads of one layer; several query heads share each."""
    return config.num_key_value_heads or config.num_attention_heads


def bytes_per_position(model: VibeVoiceAsrForConditionalGeneration) -> int:
    """Bytes of KV cache that one position takes over all layers, keys and values together."""
    config = language_config(model)
    numbers = 2 * config.num_hidden_layers * kv_heads(config) * head_dim(config)
    return int(numbers * model.lm_head.weight.element_size())
