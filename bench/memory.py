"""GPU memory against what fits into it, for the full-size model.

    python -m bench.memory [--record]

Computed, not measured: the model is made without memory, the encoders' need is counted while they run on nothing, and
pages and requests come from the code that the server uses on a GPU. ``bench.gpu`` says what a real one holds.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import VibeVoiceAsrForConditionalGeneration

from bench.capacity import Capacity
from bench.random_model import full_size, without_memory
from bench.report import Report, machine, parser
from model.audio import HOP, SAMPLE_RATE
from model.checkpoint import language_config
from model.decoder import bytes_per_position
from model.memory import GPU_PAGE, GPU_SHARE, PEAK_FRAMES, encode_the_most, positions_beside
from model.steps import RunnerInfo
from model.stream import DRAFT_POSITIONS
from server.engine.settings import EngineSettings

CARDS = {
    "RTX 4090, 24 GB": 24_564,
    "RTX 5090, 32 GB": 32_607,
    "A100, 40 GB": 40_960,
    "L40S, 48 GB": 46_068,
    "H100, 80 GB": 81_559,
    "H200, 141 GB": 143_771,
}
"""MiB, as the driver names them."""
CONTEXT_BYTES = 700 << 20
"""Taken by CUDA and its libraries before any tensor; an assumption."""


def main() -> None:
    """Compute and print the table."""
    options = parser(__doc__).parse_args()
    model = without_memory(full_size())
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    with PeakMemory() as memory:
        encode_the_most(model)
    report = Report("memory")
    report.say(
        f"Computed by {machine()}, for bfloat16: weights {weights / 1e9:.2f} GB, KV cache {bytes_per_position(model)} "
        f"bytes per position, encoders {memory.peak / 1e9:.2f} GB while they encode {PEAK_FRAMES} frames, CUDA "
        f"{CONTEXT_BYTES / 1e9:.2f} GB (assumed); {GPU_SHARE:.0%} of what is left goes to KV pages."
    )
    used = CONTEXT_BYTES + weights
    rows = [_row(name, (mebibytes << 20) - used, memory.peak, model) for name, mebibytes in CARDS.items()]
    header = ["GPU", "KV positions", "longest file", "1-minute requests at once", "1-hour requests at once"]
    report.table(header, rows)
    report.say(
        f"By memory alone; `max_rows` (by default {EngineSettings().max_rows}) bounds the requests at once, too."
    )
    if options.record:
        report.record()


def _row(name: str, free: int, encoder_peak: int, model: VibeVoiceAsrForConditionalGeneration) -> list[str]:
    positions = positions_beside(free, encoder_peak, bytes_per_position(model))
    capacity = Capacity.of(gpu_info(model, positions))
    if not capacity.longest:
        return [name, str(positions), "none", "-", "-"]
    return [name, str(positions), f"{capacity.longest} min", str(capacity.minutes), str(capacity.hours)]


def gpu_info(model: VibeVoiceAsrForConditionalGeneration, positions: int) -> RunnerInfo:
    """What a runner on a GPU with room for ``positions`` says of itself."""
    return RunnerInfo(
        checkpoint="full size",
        checkpoint_path="",
        sample_rate=SAMPLE_RATE,
        hop=HOP,
        page_size=GPU_PAGE,
        pages=positions // GPU_PAGE,
        max_positions=language_config(model).max_position_embeddings,
        stop_ids=frozenset(),
        device="cuda",
        dtype="bfloat16",
        attention="",
        draft_positions=DRAFT_POSITIONS,
    )


class PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it so
    """Bytes of the tensors that torch makes while this is on, at most at a time; ``meta`` tensors count as others do.

    What an operation needs inside itself is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._alive: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {id(leaf.untyped_storage()) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage(), given)
        return result

    def _count(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        key = id(storage)
        if key in given or key in self._alive:
            return
        self._alive[key] = storage.nbytes()
        self.peak = max(self.peak, sum(self._alive.values()))
        weakref.finalize(storage, self._alive.pop, key, None)


if __name__ == "__main__":
    main()
