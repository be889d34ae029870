"""Whether the weights fit the device, told from the configuration alone, and what to say when memory ran out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from model.errors import DeviceMemoryError, is_out_of_memory

_GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def device_bytes(device: torch.device) -> int | None:
    """All memory of the device, used or not; of a CPU what this process may have. None where nobody knows."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type != "cpu" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no control groups, or "max"
        return physical


def check_room(needed: int, device: torch.device) -> None:
    """Raise DeviceMemoryError when ``needed`` bytes of weights are more than the device has at all."""
    total = device_bytes(device)
    if total is not None and needed > total:
        raise DeviceMemoryError(
            f"The weights need {needed / _GIB:.1f} GiB and {device} has {total / _GIB:.1f} GiB in all: {_ways(device)}."
        )


@contextmanager
def memory_explained(needed: int, device: torch.device) -> Iterator[None]:
    """Turn what says that memory ran out into a DeviceMemoryError with the figures: another attempt has no more of it.

    ``needed``: bytes of the weights.
    """
    there = _memory(device)
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceMemoryError(
            f"{device} ran out of memory ({there}; the weights need {needed / _GIB:.1f} GiB): {_ways(device)}."
        ) from error


def _memory(device: torch.device) -> str:
    """How much there is, and how much of it was free."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return f"{free / _GIB:.1f} of {total / _GIB:.1f} GiB were free"
    total_bytes = device_bytes(device)
    return "of unknown size" if total_bytes is None else f"{total_bytes / _GIB:.1f} GiB in all"


def _ways(device: torch.device) -> str:
    """What an operator can change."""
    ways = ["quantise them (--weights nf4)", "cache less (--kv-positions, --max-rows)"]
    if device.type == "cuda":
        ways.append("end what else runs on it")
    return ", ".join(ways[:-1]) + " or " + ways[-1]
