"""Which model a configuration is of, and in which of the two layouts; every other model is told by name."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from model.errors import CheckpointError
from model.loading.folder import name_of_type


class Layout(StrEnum):
    """How a checkpoint is written down."""

    TRANSFORMERS = "vibevoice_asr"
    """As Transformers has it: microsoft/VibeVoice-ASR-HF and what was trained from it."""
    ORIGINAL = "vibevoice"
    """As Microsoft's own code has it: microsoft/VibeVoice-ASR."""


_TAKE = "This server serves VibeVoice-ASR: take microsoft/VibeVoice-ASR-HF."


def layout_of(config: dict[str, Any], name: str) -> Layout:
    """The layout of a checkpoint called ``name`` with this ``config.json``. Raises CheckpointError for other models."""
    model_type, architecture = name_of_type(config)
    if model_type == Layout.TRANSFORMERS:
        return Layout.TRANSFORMERS
    if model_type != Layout.ORIGINAL:
        raise CheckpointError(
            f"{name} holds a model of type {model_type!r}, not {Layout.TRANSFORMERS.value!r}. {_TAKE}"
        )
    if "ASRStreaming" in architecture:
        raise CheckpointError(
            f"{name} holds VibeVoice-ASR-Streaming ({architecture}), another model with another prompt and without "
            f"times. {_TAKE} It serves live captions as well."
        )
    if "ASR" not in architecture:
        raise CheckpointError(
            f"{name} holds a VibeVoice model that speaks ({architecture or 'no architecture'}). {_TAKE}"
        )
    return Layout.ORIGINAL
