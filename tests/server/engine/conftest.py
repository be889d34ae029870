"""Engines over real worker processes, and the check that nothing of them stays behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing import active_children, resource_tracker
from time import monotonic

import pytest

from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory
from tests.support.processes import open_descriptors, opened_since

StartEngine = Callable[[RunnerFactory, EngineSettings], Awaitable[Engine]]
PATIENCE = 30.0
"""Seconds after which something that should happen is said not to happen."""


async def eventually(condition: Callable[[], bool]) -> None:
    """Return as soon as ``condition`` holds; fail when it does not come to hold."""
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline, "never came true"
        await asyncio.sleep(0.005)


@pytest.fixture
async def nothing_left_behind() -> AsyncIterator[None]:
    """No thread, open file, child process or task more than before."""

    def belongings() -> tuple[set[threading.Thread], int]:
        return set(threading.enumerate()), len(active_children())

    resource_tracker.ensure_running()  # one process and pipe per interpreter, started by the first spawn
    before, files, tasks = belongings(), open_descriptors(), asyncio.all_tasks()
    yield
    assert belongings() == before
    assert not opened_since(files)
    assert asyncio.all_tasks() - tasks <= {asyncio.current_task()}


@pytest.fixture
async def start_engine(nothing_left_behind: None) -> AsyncIterator[StartEngine]:
    """Starts engines (ready or not) and closes them at the end of the test."""
    engines: list[Engine] = []

    async def start(factory: RunnerFactory, settings: EngineSettings) -> Engine:
        engine = Engine(factory, settings)
        engines.append(engine)
        await engine.start()
        return engine

    yield start
    for engine in engines:
        await engine.close()
