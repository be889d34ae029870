"""Who kills workers, or makes steps fail, is found: he fails, and nobody beside him."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from model.seam.streams import Question, StreamSpec
from server.engine.client import supervisor
from server.engine.client.answer import Answer
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.engine.settings import EngineSettings
from tests.server.engine.conftest import PATIENCE, eventually
from tests.server.engine.test_engine_client import (
    Runner,
    Slow,
    failure_of,
    open_stream,
    ready_engine,
    silence,
    tokens_of,
    transcribe,
)
from tests.server.engine.test_engine_deaths import LONG, Ahead, died, kill, ready
from tests.support.scripted_runner import FIRST, Trouble, answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

SHORT = Question(seed=20, max_tokens=200)
Slowest = partial(Slow, step_seconds=0.05)
AT_ONCE = EngineSettings(restart_delay=0.01, restart_delay_max=0.01)


@pytest.mark.parametrize("trouble", [Trouble.ABORTED, f"{Trouble.DEVICE_FAULT}@9"])
async def test_who_kills_workers_fails_after_three_deaths_and_nobody_else(
    start_engine: StartEngine, trouble: str
) -> None:
    engine = await ready_engine(start_engine, Ahead)
    culprit = Question(trouble, seed=30, max_tokens=40)

    async def other(tokens: int) -> None:
        question = Question(seed=tokens, max_tokens=400)
        assert await transcribe(engine, question) == answer_of(question)

    others = [asyncio.create_task(other(40 * n)) for n in range(1, 7)]
    stream = open_marked(engine, culprit, "bad")
    await stream.append(silence(10))
    assert await failure_of(stream.ask(culprit, last=True)) is FailureCode.POISON
    assert engine.restarts == 3
    await asyncio.wait_for(asyncio.gather(*others), PATIENCE)
    await ready(engine)
    with pytest.raises(EngineError) as caught:
        open_marked(engine, culprit, "bad")
    assert caught.value.code is FailureCode.POISON
    assert await transcribe(engine, LONG) == answer_of(LONG)
    assert engine.restarts == 3


def open_marked(engine: Engine, question: Question, fingerprint: str) -> EngineStream:
    return engine.open(StreamSpec(10, question), request_id="test", fingerprint=fingerprint)


async def test_a_request_that_comes_again_brings_its_deaths_along(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    culprit = Question(Trouble.CRASHED, max_tokens=5)
    for deaths in (1, 2):
        async with open_marked(engine, culprit, "bad") as stream:  # whose client leaves
            await stream.append(silence(10))
            stream.ask(culprit, last=True)
            await died(engine, deaths)
        await ready(engine)
    async with open_marked(engine, culprit, "bad") as stream:
        assert await failure_of(stream.ask(culprit, last=True)) is FailureCode.POISON
    assert engine.restarts == 3


async def test_deaths_from_outside_condemn_nobody(start_engine: StartEngine) -> None:
    """One stream that is in every dead step, and gets on in between."""
    engine = await ready_engine(start_engine, partial(Runner, step_seconds=0.001))
    question = Question(seed=500, max_tokens=600)
    async with open_marked(engine, question, "long") as stream:
        await stream.append(silence(10))
        answer = stream.ask(question, last=True)
        tokens: list[int] = []
        for deaths in range(1, 5):
            while len(tokens) < 100 * deaths:
                tokens += (await asyncio.wait_for(anext(answer), PATIENCE)).tokens
            kill(engine)
            await died(engine, deaths)
        assert tokens + await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(question)
    culprit = Question(Trouble.CRASHED, max_tokens=5)
    async with open_marked(engine, culprit, "long") as stream:  # nothing is held against it
        assert await failure_of(stream.ask(culprit, last=True)) is FailureCode.POISON
    assert engine.restarts == 4 + 3


async def test_who_is_killed_from_outside_while_it_is_heard_again_is_no_poison(start_engine: StartEngine) -> None:
    """More often than a request may kill workers, and it gets no further in between."""
    engine = await ready_engine(start_engine, Slowest, AT_ONCE)
    answer = await killed_at_work(engine, 5)
    assert await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(SHORT)


async def test_a_kill_is_held_against_it_where_nobody_counts_those_for_memory(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "memory_kills", lambda: None)
    engine = await ready_engine(start_engine, Slowest, AT_ONCE)
    assert await failure_of(await killed_at_work(engine, 3)) is FailureCode.POISON


async def killed_at_work(engine: Engine, times: int) -> Answer:
    """The answer to a question over which the worker was killed so often, as soon as a step was at work on it."""
    stream = open_stream(engine, SHORT)
    await stream.append(silence(10))
    answer = stream.ask(SHORT, last=True)
    for deaths in range(1, times + 1):
        await in_hand(engine)
        kill(engine)
        await died(engine, deaths)
        await ready(engine)
    return answer


async def in_hand(engine: Engine) -> None:
    """Return when a step is at work on a stream, and stays so: the worker is halted."""
    worker = engine._supervisor.worker
    assert worker is not None

    def halted() -> bool:
        kill(engine, signal.SIGSTOP)
        if not worker.box.in_hand:
            kill(engine, signal.SIGCONT)
        return bool(worker.box.in_hand)

    await eventually(halted)


# ------------------------------------------------------------------------------------------------ steps that fail


@pytest.mark.parametrize(
    ("trouble", "runner"), [(Trouble.ERROR, Slow), (Trouble.OUT_OF_MEMORY, Ahead), (f"{Trouble.ERROR}@5", Ahead)]
)
async def test_a_step_that_fails_costs_the_culprit_and_no_worker(
    start_engine: StartEngine, trouble: str, runner: partial[object]
) -> None:
    engine = await ready_engine(start_engine, runner)  # type: ignore[arg-type]
    culprit = Question(trouble, seed=30, max_tokens=40)
    streams = [open_stream(engine, LONG) for _ in range(7)]
    streams.insert(3, open_stream(engine, culprit))
    for stream in streams:
        await stream.append(silence(10))
    answers = [stream.ask(culprit if stream is streams[3] else LONG, last=True) for stream in streams]
    bad = answers.pop(3)
    assert await failure_of(bad) is (
        FailureCode.OUT_OF_MEMORY if trouble is Trouble.OUT_OF_MEMORY else FailureCode.INTERNAL
    )
    for answer in answers:
        assert await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(LONG)
    assert engine.restarts == 0
    assert await transcribe(engine, Question(seed=FIRST)) == answer_of(Question(seed=FIRST))


async def test_what_fails_together_is_parted_until_it_does_not(start_engine: StartEngine) -> None:
    """No culprit by himself: whoever is told to rejoin fails again, and all get on."""
    engine = await ready_engine(start_engine, Slow)
    crowded = Question(Trouble.CROWDED, seed=40, max_tokens=50)
    streams = [open_stream(engine, crowded) for _ in range(4)]
    for stream in streams:
        await stream.append(silence(10))
    answers = [stream.ask(crowded, last=True) for stream in streams]
    for answer in answers:
        assert await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(crowded)
    assert engine.restarts == 0
