"""A checkpoint's weights in Transformers' model; none of them may be missing, and none made up."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, cast

import torch
from transformers import Qwen2Config, VibeVoiceAsrConfig, VibeVoiceAsrForConditionalGeneration

from model.errors import CheckpointError
from model.loading import original
from model.loading.layout import Layout
from model.loading.transformers_errors import explained, quiet

logger = logging.getLogger(__name__)

_HEAD = "lm_head.weight"


def read_weights(
    folder: Path, config: VibeVoiceAsrConfig, dtype: torch.dtype, layout: Layout, label: str, **options: Any
) -> VibeVoiceAsrForConditionalGeneration:
    """The model of ``config`` with the weights in ``folder``. ``options``: further ones of ``from_pretrained``.

    ``label``: what messages call the checkpoint. Raises CheckpointError.
    """
    with explained(f"Checkpoint {label} does not load"), quiet():
        loaded: Any = VibeVoiceAsrForConditionalGeneration.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            key_mapping=original.KEY_MAPPING if layout is Layout.ORIGINAL else None,
            ignore_mismatched_sizes=True,  # to be told below, in one line
            output_loading_info=True,
            **options,
        )
    model, report = cast(tuple[VibeVoiceAsrForConditionalGeneration, dict[str, Any]], loaded)
    if cast(Qwen2Config, config.text_config).tie_word_embeddings and _HEAD in report["missing_keys"]:
        model.lm_head.weight = model.get_input_embeddings().weight  # Transformers ties nothing in this model
        report["missing_keys"].remove(_HEAD)
    _check_report(report, label)
    return model


def _check_report(report: dict[str, Any], label: str) -> None:
    """Transformers would go on with random weights in the place of those that are missing or have another shape."""
    if shapes := report["mismatched_keys"]:
        name, stored, wanted = min(shapes)
        raise CheckpointError(
            f"Checkpoint {label} has {len(shapes)} weights of another shape than its config.json says, for "
            f"example {name}: {list(stored)} and not {list(wanted)}."
        )
    if absent := report["missing_keys"]:
        raise CheckpointError(f"Checkpoint {label} lacks {len(absent)} weights, for example {min(absent)}.")
    extra = [key for key in report["unexpected_keys"] if not key.startswith(original.UNUSED)]
    if extra:
        logger.warning("checkpoint %s has %d weights that are not used, such as %s", label, len(extra), min(extra))
