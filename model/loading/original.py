"""The original layout, of microsoft/VibeVoice-ASR and the streaming models, as Transformers' classes want it.

The configuration is translated, and Transformers renames the weights as it reads them: ``from_pretrained`` takes the
patterns in ``KEY_MAPPING``. The rules are those of Transformers' own converter,
``models/vibevoice_asr/convert_vibevoice_asr_to_hf.py`` in its repository. The decoder of the acoustic tokenizer is in
the files and has no place in the model. Tokenizer, template and feature extractor are not in that repository at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import (
    AutoTokenizer,
    Qwen2Config,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAcousticTokenizerFeatureExtractor,
    VibeVoiceAsrConfig,
    VibeVoiceAsrProcessor,
)

from model.errors import CheckpointError
from model.loading.folder import missing
from model.loading.hub import Repository

TOKENIZER = "Qwen/Qwen2.5-7B"
"""Where the converter takes the tokenizer from."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")

UNUSED = ("model.acoustic_tokenizer.decoder.", "model.prediction_head.")
"""Beginnings of the names of weights that the model has no place for: those that would speak."""

_MOST_STAGES = 16
_SIDES = ("acoustic", "semantic")


def _key_mapping() -> dict[str, str]:
    """Patterns of original names → names in the model. All that match are applied, one after the other."""
    mapping = {}
    for side in _SIDES:
        old, new = rf"^model\.{side}_tokenizer\.encoder\.", f"model.{side}_tokenizer_encoder."
        mapping[old + r"downsample_layers\.0\.0\.conv\.conv\."] = new + "stem.conv.conv."
        mapping[old + r"stages\.0\."] = new + "stem.stage."
        for stage in range(1, _MOST_STAGES):
            mapping[old + rf"downsample_layers\.{stage}\.0\.conv\.conv\."] = f"{new}conv_layers.{stage - 1}.conv.conv."
            mapping[old + rf"stages\.{stage}\."] = f"{new}conv_layers.{stage - 1}.stage."
        mapping[old + r"head\.conv\."] = new + "head."
        for part, name in (("fc1", "linear_1"), ("norm", "norm"), ("fc2", "linear_2")):
            mapping[rf"^model\.{side}_connector\.{part}\."] = f"model.multi_modal_projector.{side}_{name}."
    mapping[r"\.mixer\.conv\.conv\.conv\."] = ".mixer.conv."
    return mapping


KEY_MAPPING = _key_mapping()

_ENCODER_NAMES = {
    "vae_dim": "hidden_size",
    "encoder_n_filters": "num_filters",
    "layernorm_eps": "rms_norm_eps",
    "channels": "channels",
    "layer_scale_init_value": "layer_scale_init_value",
}
_ENCODER_BUILD = {
    "causal": True,
    "mixer_layer": "depthwise_conv",
    "layernorm": "RMSNorm",
    "layernorm_elementwise_affine": True,
    "disable_last_norm": True,
    "conv_bias": True,
    "conv_norm": "none",
    "pad_mode": "constant",
}
"""How Transformers builds the encoders; the original code could build them otherwise."""
_LATENT_SPREAD = 0.8
"""The converter divides the original standard deviation by this."""


def translate(config: dict[str, Any], name: str) -> VibeVoiceAsrConfig:
    """Transformers' configuration from the original ``config.json``, which tells no token ids.

    Raises CheckpointError for what Transformers cannot build, and whatever its classes raise.
    """
    decoder = _part(config, "decoder_config", name)
    if decoder.get("model_type", "qwen2") != "qwen2":
        raise CheckpointError(f"The language model of {name} is a {decoder['model_type']!r}, not a 'qwen2'.")
    acoustic = _part(config, "acoustic_tokenizer_config", name)
    spread = {"vae_std": acoustic["fix_std"] / _LATENT_SPREAD} if "fix_std" in acoustic else {}
    return VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=_encoder(acoustic, name, **spread),
        semantic_tokenizer_encoder_config=_encoder(_part(config, "semantic_tokenizer_config", name), name),
        text_config=Qwen2Config(**decoder),
    )


def _part(config: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    part = config.get(key)
    if not isinstance(part, dict):
        raise CheckpointError(f"The config.json of {name} has no {key}.")
    return part


def _encoder(part: dict[str, Any], name: str, **more: Any) -> VibeVoiceAcousticTokenizerEncoderConfig:
    for key, built in _ENCODER_BUILD.items():
        if part.get(key, built) != built:
            raise CheckpointError(f"An encoder of {name} has {key} {part[key]!r}; Transformers knows {built!r} alone.")
    values: dict[str, Any] = {new: part[old] for old, new in _ENCODER_NAMES.items() if old in part}
    if "encoder_depths" in part:
        depths = part["encoder_depths"]
        values["depths"] = [int(depth) for depth in (depths.split("-") if isinstance(depths, str) else depths)]
    if "encoder_ratios" in part:
        values["downsampling_ratios"] = part["encoder_ratios"][::-1]  # the original counts from the decoder's end
    return VibeVoiceAcousticTokenizerEncoderConfig(**values, **more)


def find_tokenizer(folder: Path, name: str) -> Path:
    """The folder with the tokenizer: the checkpoint's own if somebody put it there, otherwise fetched from the hub.

    Raises CheckpointError, which says what has to be put where.
    """
    if not missing(folder, TOKENIZER_FILES):
        return folder
    files = " and ".join(TOKENIZER_FILES)
    advice = (
        f"{name} is in Microsoft's original layout, which has no tokenizer: put {files} of {TOKENIZER} into {folder}, "
        f"or let the server fetch them, or take microsoft/VibeVoice-ASR-HF, which has everything."
    )
    try:
        found = Repository(TOKENIZER).fetch(TOKENIZER_FILES)
    except CheckpointError as error:
        raise CheckpointError(f"{advice} ({error})", permanent=error.permanent) from error
    if absent := missing(found, TOKENIZER_FILES):
        raise CheckpointError(f"{advice} ({TOKENIZER} came without {', '.join(absent)}.)")
    return found


def make_processor(tokenizer: Path, template: str | None) -> VibeVoiceAsrProcessor:
    """What the converter writes beside the weights; ``template``: None for a family that has none."""
    processor: Any = VibeVoiceAsrProcessor  # neither constructor is annotated
    extractor: Any = VibeVoiceAcousticTokenizerFeatureExtractor
    made: VibeVoiceAsrProcessor = processor(
        feature_extractor=extractor(), tokenizer=AutoTokenizer.from_pretrained(tokenizer), chat_template=template
    )
    return made
