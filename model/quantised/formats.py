"""What a format of weights needs to run, and one sentence where that is not there."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from model.errors import CheckpointError
from model.quantised.stored import stored_format
from model.seam.runner import WeightFormat, WeightsName

EXTRA = "pip install 'vibevoice-asr-server[quantised]'"
_FP8_CAPABILITY = (8, 9)


def choose_format(
    weights: WeightsName, stored: dict[str, Any] | None, device: torch.device, label: str
) -> WeightFormat:
    """The format that was asked for, or for ``auto`` the files' own. Raises CheckpointError where it does not run.

    ``stored``: see ``stored_quantisation``; such weights are not quantised once more.
    """
    if stored is None:
        check_format("bf16" if weights == "auto" else weights, device)
        return "bf16" if weights == "auto" else weights
    found = stored_format(stored, label)
    if weights not in ("auto", found):
        raise CheckpointError(f"The weights of {label} are already {found}; leave out --weights.")
    require_bitsandbytes(f"The weights of {label}", device)
    return found


def check_format(weights: WeightFormat, device: torch.device) -> None:
    """Raise CheckpointError where that format does not run: on this device, or without a package that is missing.

    ``bf16`` and ``int8`` run everywhere. ``nf4`` is computed by bitsandbytes, which has kernels for CUDA and for a CPU;
    ``fp8`` by the tensor cores that CUDA devices have from compute capability 8.9 on (Ada, Hopper and newer).
    """
    if weights == "nf4":
        require_bitsandbytes("Weights in nf4", device)
    if weights == "fp8" and (fault := _no_fp8(device)):
        raise CheckpointError(f"Weights in fp8 need a GPU of compute capability 8.9, and {fault}; take --weights int8.")


def require_bitsandbytes(what: str, device: torch.device) -> None:
    """Raise CheckpointError where bitsandbytes does not run, or Transformers cannot use it."""
    if device.type not in ("cuda", "cpu"):
        raise CheckpointError(f"{what} run on CUDA and on a CPU, and not on {device}; take --weights int8.")
    if absent := [name for name in ("bitsandbytes", "accelerate") if find_spec(name) is None]:
        raise CheckpointError(f"{what} need {' and '.join(absent)}: {EXTRA}.")


def _no_fp8(device: torch.device) -> str | None:
    if device.type != "cuda":
        return f"{device} is none"
    capability = torch.cuda.get_device_capability(device)
    return None if capability >= _FP8_CAPABILITY else f"{device} has {capability[0]}.{capability[1]}"
