"""Numbers between host and device without anybody waiting for them.

A copy out of ordinary memory makes the host wait until the device has come to it. Out of pinned memory it does not:
it is done in its turn, and PyTorch keeps the memory until then.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch


def host_tensor(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Room on the host for a transfer from or to ``device``, its contents undefined; pinned where there is pinning."""
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=device.type == "cuda")


def send(
    numbers: Sequence[float] | npt.NDArray[np.int64], device: torch.device, dtype: torch.dtype = torch.int64
) -> torch.Tensor:
    """``numbers`` ([n], in a row) on ``device``."""
    host = host_tensor((len(numbers),), dtype, device)
    host.numpy()[:] = numbers
    return to_device(host, device)


def to_device(host: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy of ``host``, which ``host_tensor`` made. Only pinned memory is sent without waiting: Metal would read
    ordinary memory after it has been given to somebody else.
    """
    return host.to(device, non_blocking=device.type == "cuda")


class Readback:
    """What the device computed, on its way to the host."""

    def __init__(self, result: torch.Tensor, stream: torch.cuda.Stream | None) -> None:
        """``stream``: the CUDA stream that ``result`` is computed on, None on other devices."""
        self._host = host_tensor(result.shape, result.dtype, result.device)
        self._host.copy_(result, non_blocking=stream is not None)
        self._done = mark(stream)

    def read(self) -> npt.NDArray[np.int32]:
        """Wait for the result, and for everything before it on the stream."""
        if self._done is not None:
            self._done.synchronize()
        return self._host.numpy()


def mark_current(device: torch.device) -> torch.cuda.Event | None:
    """As ``mark``, on the stream that is current for ``device``."""
    return mark(torch.cuda.current_stream(device)) if device.type == "cuda" else None


def mark(stream: torch.cuda.Stream | None) -> torch.cuda.Event | None:
    """An event behind everything that was launched on a CUDA stream so far; None where there is none."""
    if stream is None:
        return None
    event: torch.cuda.Event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(stream)
    return event
