"""What a KV cache of a size can hold, asked of the code that says it in the server."""

from __future__ import annotations

from model.seam.runner import RunnerInfo
from model.seam.steps import StepSizes
from server.engine.capacity import Capacity
from server.engine.settings import EngineSettings


def by_memory(info: RunnerInfo) -> Capacity:
    """With as many rows as there are pages, and none of these kept for live sessions."""
    most = max(1, info.pages)
    return Capacity.of(info, EngineSettings(StepSizes(most, prefill_positions=max(most, 2048))))
