"""What a checkpoint's configuration says about quantised weights."""

from __future__ import annotations

from typing import Any

from model.errors import CheckpointError


def check_quantisation(config: dict[str, Any], name: str) -> None:
    """Raise CheckpointError when the weights of ``name`` are stored in a form that this server does not compute with.

    ``config``: the content of ``config.json``. Transformers keeps its note under ``quantization_config``, at the top
    or with the language model's configuration; MLX keeps its own under ``quantization``.
    """
    if "quantization" in config:
        raise _refusal(name, "MLX")
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        if (note := part.get("quantization_config")) is not None:
            raise _refusal(name, _method(note))


def _method(note: object) -> str:
    if not isinstance(note, dict):
        return "an unknown method"
    if note.get("load_in_4bit"):
        return "bitsandbytes (4 bits)"
    if note.get("load_in_8bit"):
        return "bitsandbytes (8 bits)"
    return str(note.get("quant_method", "an unknown method"))


def _refusal(name: str, method: str) -> CheckpointError:
    return CheckpointError(
        f"The weights of {name} are quantised by {method}, which this server does not load: take a checkpoint in "
        "bfloat16, such as microsoft/VibeVoice-ASR-HF."
    )
