"""How Microsoft's own code writes a checkpoint down: the names of weights and the configuration."""

from __future__ import annotations

import re
from typing import Any

_NAMES = (
    (
        r"(acoustic|semantic)_tokenizer_encoder\.stem\.conv\.conv\.",
        r"\1_tokenizer.encoder.downsample_layers.0.0.conv.conv.",
    ),
    (r"(acoustic|semantic)_tokenizer_encoder\.stem\.stage\.", r"\1_tokenizer.encoder.stages.0."),
    (r"(acoustic|semantic)_tokenizer_encoder\.head\.", r"\1_tokenizer.encoder.head.conv."),
    (r"multi_modal_projector\.(acoustic|semantic)_linear_1\.", r"\1_connector.fc1."),
    (r"multi_modal_projector\.(acoustic|semantic)_linear_2\.", r"\1_connector.fc2."),
    (r"multi_modal_projector\.(acoustic|semantic)_norm\.", r"\1_connector.norm."),
    (r"\.mixer\.conv\.", r".mixer.conv.conv.conv."),
)


def original_name(name: str) -> str:
    """What Microsoft's code calls a weight of Transformers' model: the converter's table, the other way round."""
    if layer := re.search(r"_tokenizer_encoder\.conv_layers\.(\d+)\.(conv\.conv|stage)\.", name):
        number = int(layer[1]) + 1  # the stem is layer 0 there
        part = f"downsample_layers.{number}.0.conv.conv." if layer[2] == "conv.conv" else f"stages.{number}."
        name = name.replace(layer[0], f"_tokenizer.encoder.{part}")
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def described(config: Any) -> dict[str, Any]:
    """``config.json`` of a streaming model with Transformers' configuration ``config``."""
    acoustic, semantic = config.acoustic_tokenizer_encoder_config, config.semantic_tokenizer_encoder_config
    return {
        "architectures": ["VibeVoiceForASRStreamingTraining"],
        "model_type": "vibevoice",
        "acoustic_tokenizer_config": _encoder(acoustic, "acoustic", 0.5),
        "acoustic_vae_dim": acoustic.hidden_size,
        "decoder_config": _decoder(config.text_config),
        "semantic_tokenizer_config": _encoder(semantic, "semantic", 0),
        "semantic_vae_dim": semantic.hidden_size,
        "torch_dtype": "bfloat16",
    }


def _encoder(config: Any, kind: str, fix_std: float) -> dict[str, Any]:
    return {
        "model_type": f"vibevoice_{kind}_tokenizer",
        "causal": True,
        "channels": 1,
        "conv_bias": True,
        "conv_norm": "none",
        "disable_last_norm": True,
        "encoder_depths": "-".join(map(str, config.depths)),
        "encoder_n_filters": config.num_filters,
        "encoder_ratios": list(reversed(config.downsampling_ratios)),
        "fix_std": fix_std,
        "layer_scale_init_value": config.layer_scale_init_value,
        "layernorm": "RMSNorm",
        "layernorm_elementwise_affine": True,
        "layernorm_eps": config.rms_norm_eps,
        "mixer_layer": "depthwise_conv",
        "pad_mode": "constant",
        "vae_dim": config.hidden_size,
    }


def _decoder(config: Any) -> dict[str, Any]:
    kept = (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "max_position_embeddings", "rms_norm_eps", "vocab_size", "hidden_act", "attention_dropout",
    )  # fmt: skip
    return {key: getattr(config, key) for key in kept} | {
        "model_type": "qwen2",
        "rope_theta": config.rope_parameters["rope_theta"],
        "tie_word_embeddings": config.tie_word_embeddings,
        "use_sliding_window": False,
    }
