"""Checkpoints that were published quantised by bitsandbytes: their list of modules to leave alone, with today's names.

Such a checkpoint names the modules that are not quantised in ``llm_int8_skip_modules``. The lists in circulation have
the names of the original repository. Transformers calls the modules ``model.…`` and compares from the beginning of the
name, so it would take the encoders for quantised too, and go on with weights that are not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from model.errors import CheckpointError
from model.quantised.linears import Int8Linear
from model.seam.runner import WeightFormat

_KEPT = (
    "model.acoustic_tokenizer_encoder",
    "model.semantic_tokenizer_encoder",
    "model.multi_modal_projector",
    "lm_head",
)
_MARKS = (".weight.absmax", ".weight.quant_map", ".weight.quant_state.", ".SCB", ".weight_format")
"""What bitsandbytes stores beside a quantised weight."""
_DECODER = "layers."
_ADVICE = "take one of which the decoder's layers alone are quantised, or a checkpoint in bfloat16 with --weights nf4"


def stored_quantisation(config: dict[str, Any], label: str) -> dict[str, Any] | None:
    """The note in ``config.json`` on how the weights are quantised, None for weights that are not.

    Transformers keeps it under ``quantization_config``, at the top or with the language model's configuration; MLX
    keeps its own under ``quantization``. Raises CheckpointError for what is not computed here.
    """
    if "quantization" in config:
        raise _refusal(label, "MLX")
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        if (note := part.get("quantization_config")) is not None:
            if not isinstance(note, dict):
                raise _refusal(label, "an unknown method")
            stored_format(note, label)
            return note
    return None


def stored_format(note: dict[str, Any], label: str) -> WeightFormat:
    """What a ``quantization_config`` says the weights are in. Raises CheckpointError for what is not computed here."""
    bits = 4 if note.get("load_in_4bit") else 8 if note.get("load_in_8bit") else 0
    method = str(note.get("quant_method", "bitsandbytes" if bits else "an unknown method"))
    if method != "bitsandbytes":
        raise _refusal(label, method)
    if bits == 8:
        return "int8"
    if (kind := str(note.get("bnb_4bit_quant_type", "fp4"))) != "nf4":
        raise _refusal(label, f"bitsandbytes ({kind})")
    return "nf4"


def _refusal(label: str, method: str) -> CheckpointError:
    return CheckpointError(
        f"The weights of {label} are quantised by {method}, which this server does not load: take a checkpoint in "
        "bfloat16, such as microsoft/VibeVoice-ASR-HF, and quantise it by --weights."
    )


def with_present_names(note: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """The ``quantization_config`` with the modules that are never quantised under the names that Transformers has.

    ``dtype``: of the model, in which four bits are to be computed as well.
    """
    others = [name for name in note.get("llm_int8_skip_modules") or [] if "layers." in name]
    renamed = [name.replace("language_model.model.", "model.language_model.") for name in others]
    compute = {"bnb_4bit_compute_dtype": str(dtype).removeprefix("torch.")}
    return {**note, **compute, "llm_int8_skip_modules": [*_KEPT, *renamed]}


def settle(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """What is left to do to a model that Transformers has loaded from such a checkpoint.

    Weights that are not quantised come to ``dtype``; Transformers leaves them as the files have them. Those in int8 are
    computed by this server's own linear map: the same weights, and inputs that are not rounded to eight bits as well.
    """
    for weight in model.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)
    for parent in list(model.modules()):
        for name, linear in list(parent.named_children()):
            if type(linear).__name__ == "Linear8bitLt":
                setattr(parent, name, _own_int8(linear, dtype))


def _own_int8(linear: Any, dtype: torch.dtype) -> Int8Linear:
    """bitsandbytes keeps the largest weight of each row, which stands for 127."""
    scale = (linear.weight.SCB / 127).to(dtype)
    bias = None if linear.bias is None else linear.bias.data
    return Int8Linear(linear.weight.data, scale, bias)


def check_quantised_weights(names: Iterable[str], label: str) -> None:
    """Raise CheckpointError when more than the decoder's layers are quantised, or nothing is.

    ``names``: of all tensors of a checkpoint whose configuration says that it is quantised.
    """
    quantised = [name for name in names if any(mark in name for mark in _MARKS)]
    if not quantised:
        raise CheckpointError(
            f"The config.json of {label} says that its weights are quantised, and its files hold none that are: remove "
            "quantization_config from it, and quantise them by --weights."
        )
    elsewhere = sorted(name for name in quantised if "tokenizer_encoder" in name or _DECODER not in name)
    if elsewhere:
        raise CheckpointError(
            f"Checkpoint {label} has quantised weights outside of the decoder's layers, for example {elsewhere[0]}: "
            f"with encoders of few bits all speakers are heard as one; {_ADVICE}."
        )
