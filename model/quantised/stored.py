"""Checkpoints that were published quantised by bitsandbytes: their list of modules to leave alone, with today's names.

Such a checkpoint names the modules that are not quantised in ``llm_int8_skip_modules``. The lists in circulation have
the names of the original repository. Transformers calls the modules ``model.…`` and compares from the beginning of the
name, so it would take the encoders for quantised too, and go on with weights that are not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from model.errors import CheckpointError
from model.steps import WeightFormat

_KEPT = ("model.acoustic_tokenizer_encoder", "model.semantic_tokenizer_encoder", "model.multi_modal_projector", "lm_head")
_MARKS = (".weight.absmax", ".weight.quant_map", ".weight.quant_state.", ".SCB", ".weight_format")
"""What bitsandbytes stores beside a quantised weight."""
_DECODER = "layers."
_ADVICE = "take one of which the decoder's layers alone are quantised, or a checkpoint in bfloat16 with --weights nf4"


def stored_format(note: dict[str, Any], label: str) -> WeightFormat:
    """What a ``quantization_config`` says the weights are in. Raises CheckpointError for what is not computed here."""
    method = str(note.get("quant_method", "bitsandbytes"))
    if method == "bitsandbytes" and note.get("load_in_8bit"):
        return "int8"
    if method == "bitsandbytes" and note.get("load_in_4bit") and note.get("bnb_4bit_quant_type") == "nf4":
        return "nf4"
    kind = f"{note.get('bnb_4bit_quant_type', 'fp4')} of bitsandbytes" if method == "bitsandbytes" else method
    raise CheckpointError(
        f"The weights of {label} are quantised by {kind}, and this server computes with bitsandbytes' nf4 and int8: "
        "take a checkpoint in bfloat16, such as microsoft/VibeVoice-ASR-HF, and --weights."
    )


def with_present_names(note: dict[str, Any]) -> dict[str, Any]:
    """The ``quantization_config`` with the modules that are never quantised under the names that Transformers has."""
    others = [name for name in note.get("llm_int8_skip_modules") or [] if "layers." in name]
    renamed = [name.replace("language_model.model.", "model.language_model.") for name in others]
    return {**note, "llm_int8_skip_modules": [*_KEPT, *renamed]}


def check_quantised_weights(names: Iterable[str], label: str) -> None:
    """Raise CheckpointError when more than the decoder's layers are quantised. ``names``: of all stored tensors."""
    quantised = [name for name in names if any(mark in name for mark in _MARKS)]
    elsewhere = sorted(name for name in quantised if "tokenizer_encoder" in name or _DECODER not in name)
    if elsewhere:
        raise CheckpointError(
            f"Checkpoint {label} has quantised weights outside of the decoder's layers, for example {elsewhere[0]}: "
            f"with encoders of few bits all speakers are heard as one; {_ADVICE}."
        )
