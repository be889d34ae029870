"""The decoder's linear maps in another format, one by one, so that the device never holds more than the result and one.

The model comes from its files memory-mapped on the CPU: what is not yet converted takes no memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.quantised.linears import Fp8Linear, Int8Linear
from model.seam.runner import WeightFormat

_Maker = Callable[[torch.Tensor, torch.Tensor | None], torch.nn.Module]
"""(weight [out, in], bias [out] or None), both on the device → the map that takes their place."""


@torch.no_grad()
def quantise(model: VibeVoiceAsrForConditionalGeneration, weights: WeightFormat, device: torch.device) -> None:
    """Put linear maps of the format ``weights``, on ``device``, in the place of the decoder's; nothing for ``bf16``.

    The head and everything else stay where they are, for the caller to move. See ``check_format``.
    """
    makers: dict[WeightFormat, _Maker] = {"int8": Int8Linear.of, "fp8": Fp8Linear.of, "nf4": _nf4}
    if weights == "bf16":
        return
    for layer in model.model.language_model.layers:
        for parent in list(layer.modules()):
            for name, linear in list(parent.named_children()):
                if isinstance(linear, torch.nn.Linear):
                    bias = None if linear.bias is None else linear.bias.detach().to(device)
                    setattr(parent, name, makers[weights](linear.weight.detach().to(device), bias))


def _nf4(weight: torch.Tensor, bias: torch.Tensor | None) -> torch.nn.Module:
    """Four bits of a scale that fits normally distributed weights, in blocks of 64 whose scales are quantised, too."""
    import bitsandbytes  # an extra

    rows, columns = weight.shape
    kind: Any = {"compress_statistics": True, "quant_type": "nf4"}
    made: Any = bitsandbytes.nn.Linear4bit(
        columns, rows, bias=bias is not None, compute_dtype=weight.dtype, device="meta", **kind
    )
    made.weight = bitsandbytes.nn.Params4bit(weight, requires_grad=False, module=made, **kind).to(weight.device)
    if bias is not None:
        made.bias = torch.nn.Parameter(bias, requires_grad=False)
    return made  # type: ignore[no-any-return]
