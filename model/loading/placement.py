"""Which device the model runs on and in which dtype, by what the device can do."""

from __future__ import annotations

import torch

from model.errors import CheckpointError
from model.memory.footprint import Footprint

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_LARGE = 1_000_000_000
"""Weights from which a CPU takes a model in bfloat16: it stays memory-mapped, and float32 would be twice its files."""
_BF16_CAPABILITY = (8, 0)
_BF16_MACOS = (14, 0)


def resolve_device(device: str) -> torch.device:
    """``auto`` is the current CUDA device where there is one, and the CPU elsewhere; ``mps`` has to be asked for.

    A CUDA device always has its index. Raises CheckpointError for one that is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        target = torch.device(device)
    except RuntimeError as error:
        raise CheckpointError(f"{device!r} names no device; use auto, cpu, cuda, cuda:N or mps.") from error
    if target.type == "cuda":
        return _cuda(target)
    if target.type == "mps" and not torch.backends.mps.is_available():
        raise CheckpointError(f"Device {device!r} was asked for, but torch sees no Metal device.")
    if target.type not in ("cpu", "mps"):
        raise CheckpointError(f"The model runs on cpu, cuda and mps, and not on {device!r}.")
    return torch.device(target.type)


def _cuda(target: torch.device) -> torch.device:
    if not torch.cuda.is_available():
        raise CheckpointError(f"Device {str(target)!r} was asked for, but torch sees no CUDA device.")
    index, count = torch.cuda.current_device() if target.index is None else target.index, torch.cuda.device_count()
    if index >= count:
        raise CheckpointError(f"Device {str(target)!r} was asked for, but the last one here is cuda:{count - 1}.")
    return torch.device("cuda", index)


def resolve_dtype(dtype: str, device: torch.device, footprint: Footprint) -> torch.dtype:
    """``auto`` is bfloat16 where the device computes in it and float16 on other GPUs; small models on a CPU float32.

    Raises CheckpointError for an unknown name.
    """
    if dtype != "auto":
        if dtype not in _DTYPES:
            raise CheckpointError(f"Unknown dtype {dtype!r}; use auto, {', '.join(_DTYPES)}.")
        return _DTYPES[dtype]
    if device.type == "cpu":
        return torch.bfloat16 if footprint.weights >= _LARGE else torch.float32
    if device.type == "mps":
        return torch.bfloat16 if torch.backends.mps.is_macos_or_newer(*_BF16_MACOS) else torch.float16
    capable = torch.cuda.get_device_capability(device) >= _BF16_CAPABILITY
    return torch.bfloat16 if capable else torch.float16
