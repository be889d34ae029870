"""Whether this server computes a configuration as it was trained, and feeds it the audio it was trained on."""

from __future__ import annotations

from typing import Any, cast

from transformers import Qwen2Config, VibeVoiceAcousticTokenizerEncoderConfig, VibeVoiceAsrConfig, VibeVoiceAsrProcessor

from model.errors import CheckpointError
from model.family import Family

_CHANGING_ROPES = {"dynamic", "longrope"}


def check_decoder(config: VibeVoiceAsrConfig, name: str) -> None:
    """Raise CheckpointError for a language model that would be computed in another way than it was trained."""
    text = config.text_config
    if not isinstance(text, Qwen2Config):
        raise CheckpointError(f"The language model of {name} is no Qwen2: {getattr(text, 'model_type', text)!r}.")
    if any(kind != "full_attention" for kind in text.layer_types or ()):
        raise CheckpointError(
            f"{name} attends in sliding windows (use_sliding_window); this server computes full attention alone."
        )
    rope = cast(dict[str, Any], text.rope_parameters or {}).get("rope_type", "default")
    if rope in _CHANGING_ROPES:
        raise CheckpointError(
            f"{name} scales positions by {rope!r}, which changes with the longest request in a step; use 'yarn'."
        )


def check_geometry(processor: VibeVoiceAsrProcessor, config: VibeVoiceAsrConfig, family: Family, name: str) -> None:
    """Raise CheckpointError when the checkpoint hears audio at another rate or hop than its family."""
    fed = family.geometry
    rate = processor.feature_extractor.sampling_rate
    for encoder in (config.acoustic_tokenizer_encoder_config, config.semantic_tokenizer_encoder_config):
        hop = cast(VibeVoiceAcousticTokenizerEncoderConfig, encoder).hop_length
        if (rate, hop) != (fed.sample_rate, fed.hop):
            raise CheckpointError(
                f"{name} wants {rate} Hz and a hop of {hop}; this server feeds {family.name} "
                f"{fed.sample_rate}/{fed.hop}."
            )
