"""Whether our Triton kernels run on a device, found out by running one.

To be installed is not enough: before its first launch Triton builds a part of itself with the machine's C compiler,
puts it into its cache folder and loads it from there. An image without a compiler and a cache on a file system that
forbids execution fail there, and would fail with the first request.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec

import torch

logger = logging.getLogger(__name__)

_NEEDS = (
    "Triton needs a C compiler (gcc with libc6-dev, or what CC names) and a cache folder, ~/.triton or "
    "TRITON_CACHE_DIR, that may be written to and executed from"
)


@cache
def obstacle(device: torch.device) -> str | None:
    """Why Triton kernels cannot run on ``device``; None where they do. A failed launch is logged, once."""
    if device.type != "cuda":
        return f"it needs a CUDA device, not {device.type}"
    if find_spec("triton") is None:
        return "the package triton is not installed"
    try:
        _launch(device)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of the compiler, the loader, the driver: each raises what it likes
        reason = f"a first launch failed with {type(error).__name__}: {error}. {_NEEDS}"
        logger.warning("Triton kernels are not used, slower ones take their place: %s", reason)
        return reason
    return None


def _launch(device: torch.device) -> None:
    """Run our smallest kernel and wait for it."""
    from model.encoder.depthwise_kernel import mix

    with torch.cuda.device(device):
        ones = torch.ones(1, 1, 16, device=device)
        mix(ones, ones, ones[0], ones[0, 0]).sum().item()
