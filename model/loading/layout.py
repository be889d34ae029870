"""Which family a configuration is of, and in which of the two layouts; every other model is told by name."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from model.errors import CheckpointError
from model.family import FAMILIES, Family
from model.loading.folder import name_of_type


class Layout(StrEnum):
    """How a checkpoint is written down."""

    TRANSFORMERS = "transformers"
    """As Transformers has it: microsoft/VibeVoice-ASR-HF and what was trained from it."""
    ORIGINAL = "original"
    """As Microsoft's own code has it: microsoft/VibeVoice-ASR."""


_ORIGINAL_TYPE = "vibevoice"
"""Model type of everything that Microsoft's own code writes; the architecture tells what it is."""


def recognise(config: dict[str, Any], name: str) -> tuple[Family, Layout]:
    """Family and layout of a checkpoint called ``name`` with this ``config.json``.

    Raises CheckpointError for other models, which says what is served.
    """
    model_type, architecture = name_of_type(config)
    for family in FAMILIES:
        if model_type == family.model_type:
            return family, Layout.TRANSFORMERS
        if model_type == _ORIGINAL_TYPE and re.search(family.original, architecture):
            return family, Layout.ORIGINAL
    served = ", ".join(f"{family.name} ({family.model_type!r}): take {family.repository}" for family in FAMILIES)
    raise CheckpointError(
        f"{name} holds {_told(model_type, architecture)}. For files and live alike this server serves {served}."
    )


def _told(model_type: object, architecture: str) -> str:
    """What a checkpoint is that cannot be served."""
    if model_type != _ORIGINAL_TYPE:
        return f"a model of type {model_type!r}"
    if "ASRStreaming" in architecture:
        return f"VibeVoice-ASR-Streaming ({architecture}), another model with another prompt and without times"
    return f"a VibeVoice model that speaks ({architecture or 'no architecture'})"
