"""How full the device's memory is, where it has one of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from server.engine.figures import DeviceMemory


def device_memory(device: str) -> Callable[[], DeviceMemory | None]:
    """What tells it of ``device``, as the runner names it. Asks PyTorch only where the runner brought it in.

    The allocator's own counters are read as they are and nothing waits for the device: it may be asked between steps.
    """
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda"):
        return lambda: None
    return partial(_of_cuda, torch.cuda, device)


def _of_cuda(cuda: Any, device: str) -> DeviceMemory:
    free, total = cuda.mem_get_info(device)
    return DeviceMemory(
        allocated=cuda.memory_allocated(device), reserved=cuda.memory_reserved(device), free=free, total=total
    )
