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
    """As Microsoft's own code has it: microsoft/VibeVoice-ASR, microsoft/VibeVoice-ASR-Streaming-7B and -1.5B."""


_ORIGINAL_TYPE = "vibevoice"
"""Model type of everything that Microsoft's own code writes; the architecture tells what it is."""


def recognise(config: dict[str, Any], name: str) -> tuple[Family, Layout]:
    """Family and layout of a checkpoint called ``name`` with this ``config.json``.

    Raises CheckpointError for other models, which says what is served.
    """
    model_type, architecture = name_of_type(config)
    for family in FAMILIES:
        if family.model_type is not None and model_type == family.model_type:
            return family, Layout.TRANSFORMERS
        if model_type == _ORIGINAL_TYPE and re.search(family.original, architecture):
            return family, Layout.ORIGINAL
    served = " and ".join(_served(family) for family in FAMILIES)
    raise CheckpointError(
        f"{name} holds {_told(model_type, architecture)}. For files and live alike this server serves {served}."
    )


def _served(family: Family) -> str:
    kind = f" ({family.model_type!r})" if family.model_type is not None else ""
    return f"{family.name}{kind}: take {family.repository}"


def _told(model_type: object, architecture: str) -> str:
    """What a checkpoint is that cannot be served."""
    if model_type != _ORIGINAL_TYPE:
        return f"a model of type {model_type!r}"
    return f"a VibeVoice model that speaks ({architecture or 'no architecture'})"
