"""What a worker is said to have died of."""

from __future__ import annotations

import os
import signal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model.seam.streams import Question
from server.engine.client import memory_kills, supervisor
from server.engine.client.engine import Death
from tests.server.engine.conftest import eventually
from tests.server.engine.test_engine_client import Slow, open_stream, ready_engine, silence
from tests.support.scripted_runner import Trouble

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine


async def test_killed_while_the_kernel_counted_another_kill_is_short_of_memory(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = count()
    monkeypatch.setattr(supervisor, "memory_kills", lambda: next(kills))
    engine = await ready_engine(start_engine, Slow)
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, signal.SIGKILL)
    await eventually(lambda: engine.restarts == 1)
    assert engine.deaths[Death.OUT_OF_MEMORY] == 1


async def test_a_lost_device_is_a_failed_step(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    async with open_stream(engine, Question(Trouble.DEVICE_FAULT, max_tokens=5)) as stream:
        await stream.append(silence(10))
        stream.ask(Question(Trouble.DEVICE_FAULT, max_tokens=5))
        await eventually(lambda: engine.restarts == 1)
    assert engine.deaths[Death.STEP_FAILED] == 1
    assert engine.failure == "The worker failed: RuntimeError: CUDA error: device-side assert triggered"


@pytest.mark.parametrize(
    ("container", "machine", "kills"),
    [("low 0\noom 3\noom_kill 2\n", "oom_kill 9\n", 2), ("low 0\n", "nr 1\noom_kill 9\n", 9), (None, None, None)],
)
def test_kills_are_counted_for_the_container_where_it_has_a_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: str | None, machine: str | None, kills: int | None
) -> None:
    counters = tmp_path / "memory.events", tmp_path / "vmstat"
    for counter, text in zip(counters, (container, machine), strict=True):
        if text is not None:
            counter.write_text(text)
    monkeypatch.setattr(memory_kills, "_COUNTERS", counters)
    assert memory_kills.memory_kills() == kills
