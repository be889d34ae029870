"""Workers that hang, while they load and later, what is told meanwhile, and what a slow device may do."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model.seam.streams import Question
from server.engine.client.engine import Death, Engine, EngineState
from server.engine.errors import EngineUnavailable
from server.engine.messages import FailureCode
from server.engine.settings import EngineSettings
from tests.server.engine.conftest import PATIENCE, eventually
from tests.server.engine.test_engine_client import (
    Runner,
    Slow,
    begin,
    failure_of,
    open_stream,
    ready_engine,
    silence,
    tokens_of,
    transcribe,
)
from tests.support.scripted_runner import ScriptedRunner, Trouble, answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

IMPATIENT = EngineSettings(worker_timeout=1.0, restart_delay=0.01)
THREE = Question(seed=3)


async def test_a_worker_that_is_stopped_is_red_then_killed_and_its_streams_go_on(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow, IMPATIENT)
    question = Question(seed=200, max_tokens=300)
    async with open_stream(engine, question) as stream:
        await stream.append(silence(10))
        answer = stream.ask(question)
        begun = list((await anext(answer)).tokens)
        assert engine.worker_pid is not None
        os.kill(engine.worker_pid, signal.SIGSTOP)
        await eventually(lambda: engine.state is EngineState.UNRESPONSIVE)
        with pytest.raises(EngineUnavailable, match="does not answer"):
            engine.check_ready()
        assert begun + await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(question)
    assert engine.deaths[Death.HUNG] == engine.restarts == 1


async def test_a_worker_that_answers_again_is_ready_again(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow, EngineSettings(worker_timeout=3.0))
    pid = engine.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # without any work
    await eventually(lambda: engine.state is EngineState.UNRESPONSIVE)
    os.kill(pid, signal.SIGCONT)
    await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    assert await transcribe(engine, THREE) == answer_of(THREE)
    assert (engine.worker_pid, engine.restarts) == (pid, 0)


async def test_a_step_that_never_ends_is_poison_in_the_end(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow, IMPATIENT)
    async with AsyncExitStack() as stack:
        beside = await begin(engine, stack, Question(seed=400, max_tokens=500))
        stuck = await stack.enter_async_context(open_stream(engine, Question(Trouble.STUCK, max_tokens=5)))
        assert await failure_of(stuck.ask(Question(Trouble.STUCK, max_tokens=5))) is FailureCode.POISON
        assert len(await asyncio.wait_for(tokens_of(beside), PATIENCE)) >= 390
    assert engine.deaths[Death.HUNG] == engine.restarts == 3


class Napping(ScriptedRunner):
    """Takes for a step with a context as many seconds as that says."""

    def _compute(self, row):  # type: ignore[no-untyped-def]
        emitted = super()._compute(row)
        question = self.streams[row.stream].question
        if emitted and question is not None and question.context is not None:
            time.sleep(float(question.context))
        return emitted


async def test_what_a_step_may_take_follows_what_steps_have_taken(start_engine: StartEngine) -> None:
    """Steps that grow as prompts on a CPU do are waited for."""
    engine = await ready_engine(start_engine, Napping, EngineSettings(worker_timeout=2.0, restart_delay=0.01))
    for nap in ("0.6", "3.0"):
        assert await transcribe(engine, Question(nap, seed=1, max_tokens=2)) == answer_of(Question(seed=1))
    assert engine.restarts == 0


async def test_a_worker_that_rests_is_no_worker_that_hangs(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Runner, EngineSettings(worker_timeout=1.5))
    states: set[EngineState] = set()
    async with open_stream(engine, THREE) as stream:
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            states.add(engine.state)
            await asyncio.sleep(0.01)
        assert await tokens_of(stream.ask(THREE)) == answer_of(THREE)
    assert states == {EngineState.READY}


def stop_once(left: Path) -> ScriptedRunner:
    """A factory that stops its process the first time."""
    if not left.exists():
        left.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return ScriptedRunner(pages=4096)


def load_slowly(left: Path) -> ScriptedRunner:
    """A factory that computes for longer than one may do nothing."""
    end = time.monotonic() + 4.0
    while time.monotonic() < end:
        sum(range(100_000))
    left.touch()
    return ScriptedRunner(pages=4096)


@pytest.mark.parametrize(("factory", "hangs"), [(stop_once, 1), (load_slowly, 0)])
async def test_a_worker_that_does_nothing_while_it_loads_is_replaced(
    start_engine: StartEngine, tmp_path: Path, factory: Callable[[Path], ScriptedRunner], hangs: int
) -> None:
    settings = EngineSettings(load_timeout=3.0, restart_delay=0.01)
    engine = await ready_engine(start_engine, partial(factory, tmp_path / "left"), settings)
    assert engine.deaths[Death.HUNG] == engine.restarts == hangs
    assert await transcribe(engine, THREE) == answer_of(THREE)


async def test_what_is_told_to_retry_after_is_what_a_restart_takes(start_engine: StartEngine) -> None:
    """Back-off and start: neither measured nor told by halves."""
    engine = await ready_engine(start_engine, Slow, EngineSettings(restart_delay=20.0, restart_delay_max=20.0))
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, signal.SIGKILL)
    await eventually(lambda: engine.state is EngineState.RESTARTING)
    with pytest.raises(EngineUnavailable) as caught:
        engine.check_ready()
    assert 20 < caught.value.retry_after + 1 < 20 + PATIENCE


def place_in_line(pid: object) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def test_the_kernel_takes_the_worker_before_its_parent(start_engine: StartEngine) -> None:
    engine: Engine = await ready_engine(start_engine, Slow)
    ours, theirs = place_in_line("self"), place_in_line(engine.worker_pid)
    assert ours < theirs < 1000 or ours == 1000
