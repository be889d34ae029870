"""What a KV cache of a size can hold, asked of the code that decides it in the server."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from model.seam.runner import RunnerInfo
from model.seam.steps import StepSizes
from model.seam.streams import StreamSpec
from server.engine.budget import answer_budget, context_limit
from server.engine.settings import EngineSettings
from server.engine.worker.scheduler import Scheduler
from server.engine.worker.stream import StreamState

_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Capacity:
    """``longest``: whole minutes of the longest file. ``minutes``, ``hours``: files of that length at once."""

    longest: int
    minutes: int
    hours: int

    @classmethod
    def of(cls, info: RunnerInfo) -> Capacity:
        longest = 0
        while _worst(info, _MINUTE * (longest + 1)) <= context_limit(info):
            longest += 1
        return cls(longest, _at_once(info, _MINUTE), _at_once(info, _HOUR))


def _worst(info: RunnerInfo, seconds: int) -> int:
    """Positions that a file is admitted with: its prompt and the longest answer it may have."""
    audio = ceil(seconds * info.geometry.frame_rate)
    return audio + info.family.prompt_tokens + answer_budget(info, seconds)


def _at_once(info: RunnerInfo, seconds: int) -> int:
    """Files for which the scheduler finds pages, however many rows that makes."""
    worst = _worst(info, seconds)
    if worst > context_limit(info):
        return 0
    most = info.pages
    scheduler = Scheduler(EngineSettings(StepSizes(most, prefill_positions=max(most, 2048))), info)
    for number in range(most):
        scheduler.add(StreamState(number, str(number), StreamSpec(frames=0), worst, began=0.0))
    return len(scheduler.admit())
