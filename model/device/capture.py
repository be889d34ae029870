"""Computations that are recorded once and replayed, and the streams of the device that work goes to."""

from __future__ import annotations

from collections.abc import Callable

import torch

Result = tuple[torch.Tensor, ...]
"""What a computation leaves behind."""

Replay = Callable[[], None]

Capture = Callable[[Callable[[], Result]], tuple[Replay, Result]]
"""Records a computation: returns what runs it again, and where its result then is. ``CudaCapture`` is the real one."""


def own_stream(device: torch.device, *, urgent: bool = False) -> torch.cuda.Stream | None:
    """A CUDA stream of one's own behind what was launched so far; None on other devices.

    Kernels of an urgent one go before those of others.
    """
    if device.type != "cuda":
        return None
    stream: torch.cuda.Stream = torch.cuda.Stream(device, priority=-1 if urgent else 0)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    return stream


class CudaCapture:
    """Records with CUDA graphs that share one pool of memory: only one of them may run at a time."""

    def __init__(self, *, urgent: bool = False) -> None:
        """``urgent``: the kernels of a graph keep the priority of the stream that they are recorded on."""
        self._memory = torch.cuda.graph_pool_handle()
        self._stream: torch.cuda.Stream = torch.cuda.Stream(priority=-1 if urgent else 0)  # type: ignore[no-untyped-call]

    def __call__(self, compute: Callable[[], Result]) -> tuple[Replay, Result]:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(2):  # kernels are compiled and libraries set up before a recording, not in it
                compute()
        torch.cuda.current_stream().wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._memory, stream=self._stream):
            result = compute()
        return graph.replay, result


def recompute(compute: Callable[[], Result]) -> tuple[Replay, Result]:
    """Stands in for a recording where there are no graphs: computes again and leaves the result where it was."""
    result = compute()

    def replay() -> None:
        for kept, new in zip(result, compute(), strict=True):
            kept.copy_(new)

    return replay, result
