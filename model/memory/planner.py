"""The plan for a device: the fastest that has room for the longest recording, or else the most frugal one.

Everything is known before the first kernel runs, so a card on which too little is left for pages is found out while the
server starts, and not by its first request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from model.memory.economy import ECONOMIES, Economy
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan, NotEnoughMemoryError
from model.seam.runner import WeightFormat
from model.seam.steps import DEFAULT_STEPS, StepSizes

GPU_PAGE = 256
"""Positions per page on a GPU, where the paged kernels ask for it."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Finds the plan for a model on a device.

    ``number_bytes``: of one number that is not quantised. ``graphs``: whether small steps and chunks are recorded.
    ``capability``: major number of the compute capability. ``least``: positions of KV cache without which the device is
    of no use. ``wanted``: positions for which speed is given up. ``ranks``: of all adapters. ``frames_wait``: see
    ``MemoryPlan.of``. ``economies``: the choice.
    """

    footprint: Footprint
    available: int
    steps: StepSizes = DEFAULT_STEPS
    number_bytes: int = 2
    graphs: bool = True
    capability: int = 8
    page_size: int = GPU_PAGE
    least: int = 1
    wanted: int = 1
    ranks: int = 0
    frames_wait: bool = False
    economies: tuple[Economy, ...] = ECONOMIES

    @classmethod
    def on(cls, device: torch.device, footprint: Footprint, available: int, **options: Any) -> Planner:
        """A planner for that device; ``options``: the other fields."""
        if device.type != "cuda":  # one memory for host and device
            return cls(footprint, available, economies=tuple(e for e in ECONOMIES if not e.host_table), **options)
        return cls(footprint, available, capability=torch.cuda.get_device_capability(device)[0], **options)

    def plan(self, weights: WeightFormat) -> MemoryPlan:
        """By the first economy that leaves what is wanted, or else the most frugal. Raises NotEnoughMemoryError."""
        plan = self._best(weights)
        if (positions := self._positions(plan)) < max(1, self.least):
            others: tuple[WeightFormat, ...] = ("int8", "fp8", "nf4")
            with_weights = {each: self._positions(self._best(each)) for each in others if each != weights}
            raise NotEnoughMemoryError(plan, positions, with_weights)
        return plan

    def _positions(self, plan: MemoryPlan) -> int:
        return plan.pages(self.page_size) * self.page_size

    def _best(self, weights: WeightFormat) -> MemoryPlan:
        plans = [self._with(economy, weights) for economy in self.economies]
        return next((plan for plan in plans if self._positions(plan) >= self.wanted), plans[-1])

    def _with(self, economy: Economy, weights: WeightFormat) -> MemoryPlan:
        return MemoryPlan.of(
            self.footprint,
            self.available,
            weights=weights,
            steps=self.steps,
            economy=economy,
            number_bytes=self.number_bytes,
            graphs=self.graphs,
            capability=self.capability,
            ranks=self.ranks,
            frames_wait=self.frames_wait,
        )


def free_bytes(device: torch.device) -> int | None:
    """Of a GPU; None for a CPU, whose memory is not shared out.

    What quantising has left with the allocator, hundreds of MiB of whole weights, is given back first: the driver does
    not count it as free.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        torch.mps.empty_cache()
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None
