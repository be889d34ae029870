"""The engine for benches of live sessions: a worker of its own whose busy time is the device's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import torch

from model.loading.checkpoint import load_checkpoint
from model.runner.runner import Runner
from model.seam.steps import PendingStep, StepPlan
from server.engine.client.engine import Engine
from server.engine.messages import WorkerStats
from server.engine.settings import EngineSettings
from server.transcript.detokenizer import Vocabulary

_POSITIONS = 131_072
"""Of the KV cache: enough for more than a hundred full windows with their answers."""
_REST = 0.2
"""Seconds without news after which the worker rests."""


class WaitingRunner(Runner):
    """A runner whose steps end when the device is done with them, so that the time of steps is the device's."""

    def launch(self, plan: StepPlan) -> PendingStep:
        pending = super().launch(plan)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return pending


def load(source: str, threads: int) -> WaitingRunner:
    """In the worker: the checkpoint on the device there is. ``threads``: of torch on a CPU."""
    torch.set_num_threads(threads)
    checkpoint = load_checkpoint(source)
    size = 256 if checkpoint.device.type == "cuda" else 32
    return WaitingRunner(checkpoint, pages=_POSITIONS // size, page_size=size)


@asynccontextmanager
async def running_engine(kind: type[Engine], source: str, threads: int) -> AsyncIterator[tuple[Engine, Vocabulary]]:
    """An engine that is ready, and the vocabulary of its checkpoint. Raises EngineUnavailable."""
    engine = kind(partial(load, source, threads), EngineSettings(log_level="warning"))
    await engine.start()
    try:
        await engine.wait_ready()
        assert engine.info is not None
        yield engine, Vocabulary.load(Path(engine.info.checkpoint_path))
    finally:
        await engine.close()


async def settled_stats(engine: Engine) -> WorkerStats:
    """The worker's figures when it has nothing to do: it sends them when it begins to rest, and then no more."""
    seen = None
    while engine.stats is None or engine.stats is not seen:
        seen = engine.stats
        await asyncio.sleep(_REST)
    return seen
