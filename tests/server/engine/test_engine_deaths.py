"""What a worker's death costs: time. Streams go on in the next one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from functools import partial
from random import Random
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model.seam.audio import Samples
from model.seam.streams import Question, StreamSpec
from server.engine.client.engine import Death, Engine
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.messages import EndReason, FailureCode
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
)
from tests.support.scripted_runner import answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

LONG = Question(seed=120, max_tokens=200)
Ahead = partial(Slow, launches_ahead=True, drafts=3)


class Shelf:
    """A source that counts how often it is asked."""

    def __init__(self, samples: Samples, *, block: int = 7_000, fault: Exception | None = None) -> None:
        self.samples, self.block, self.fault = samples, block, fault
        self.asked = self.closed = 0

    async def replay(self) -> AsyncGenerator[Samples, None]:
        self.asked += 1
        try:
            for start in range(0, self.samples.size, self.block):
                if self.fault is not None:
                    raise self.fault
                await asyncio.sleep(0)
                yield self.samples[start : start + self.block]
        finally:
            self.closed += 1


def kill(engine: Engine, how: signal.Signals = signal.SIGKILL) -> None:
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, how)


async def died(engine: Engine, deaths: int = 1) -> None:
    await eventually(lambda: engine.restarts == deaths)


async def ready(engine: Engine) -> None:
    await asyncio.wait_for(engine.wait_ready(), PATIENCE)


async def whole(stream: EngineStream, question: Question) -> list[int]:
    return await asyncio.wait_for(tokens_of(stream.ask(question, last=True)), PATIENCE)


# ------------------------------------------------------------------------------------------------------- replayed


@pytest.mark.parametrize("runner", [Slow, Ahead])
async def test_answers_that_were_begun_go_on_where_they_were(
    start_engine: StartEngine, runner: partial[object]
) -> None:
    engine = await ready_engine(start_engine, runner)  # type: ignore[arg-type]
    streams = [open_stream(engine, LONG) for _ in range(8)]
    for stream in streams:
        await stream.append(silence(10))
    answers = [stream.ask(LONG, last=True) for stream in streams]
    begun = [list((await asyncio.wait_for(anext(answer), PATIENCE)).tokens) for answer in answers]
    idle = open_stream(engine, LONG)
    kill(engine)
    killed = monotonic()
    await died(engine)
    with pytest.raises(EngineUnavailable) as caught:
        engine.check_ready()
    late = open_stream(engine, LONG)
    late_audio = asyncio.create_task(late.append(silence(10)))
    assert caught.value.retry_after >= 1
    await ready(engine)
    without = monotonic() - killed
    whole_answers = [await asyncio.wait_for(answer.read(), PATIENCE) for answer in answers]
    for first, rest in zip(begun, whole_answers, strict=True):
        assert first + list(rest.tokens) == answer_of(LONG)
        assert (rest.done.answer_tokens, rest.done.audio_tokens) == (120, 10)
        assert 0 < rest.done.first_token_seconds < rest.done.total_seconds
        assert rest.done.total_seconds > without
    await idle.append(silence(10))
    await late_audio
    for stream in (idle, late):
        assert await whole(stream, LONG) == answer_of(LONG)
    assert engine.deaths == dict.fromkeys(Death, 0) | {Death.KILLED: 1}


@pytest.mark.parametrize("seed", range(2))
async def test_whenever_it_dies_no_token_is_lost_or_comes_twice(start_engine: StartEngine, seed: int) -> None:
    """Files and sessions, while they append, wait, are asked and cropped, over two deaths."""
    engine, random = await ready_engine(start_engine, Ahead), Random(seed)

    async def pause() -> None:
        for _ in range(random.randrange(30)):
            await asyncio.sleep(0.001)

    async def file(tokens: int) -> None:
        async with open_stream(engine, LONG, 40) as stream:
            for _ in range(4):
                await stream.append(silence(10))
                await pause()
            question = Question(seed=tokens, max_tokens=200)
            answer = await stream.ask(question, last=True).read()
            assert list(answer.tokens) == answer_of(question)
            assert (answer.done.reason, answer.done.audio_tokens) == (EndReason.STOP, 40)

    async def session() -> None:
        async with open_stream(engine, LONG, 60) as stream:
            for heard in range(1, 7):
                await stream.append(silence(10))
                await pause()
                question = Question(seed=10 * heard, max_tokens=200)
                if heard % 3 == 0:
                    cropped = stream.ask(LONG)
                    await pause()
                    await stream.crop()
                    assert cropped.done is not None
                answer = await stream.ask(question).read()
                assert list(answer.tokens) == answer_of(question)
                assert (answer.done.reason, answer.done.audio_tokens) == (EndReason.STOP, 10 * heard)

    async def killer() -> None:
        for deaths in (1, 2):  # after which nobody is refused yet, wherever he was
            await pause()
            await ready(engine)
            kill(engine)
            await died(engine, deaths)

    work = [file(20 * n) for n in range(1, 5)] + [session() for _ in range(3)]
    await asyncio.wait_for(asyncio.gather(killer(), *work), 2 * PATIENCE)
    await ready(engine)
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


async def test_a_source_is_asked_for_what_was_appended_and_no_more(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    shelf = Shelf(silence(50))
    stream = engine.open(StreamSpec(50, LONG), request_id="test", source=shelf)
    await stream.append(silence(20))
    kill(engine)
    await died(engine)
    await stream.append(silence(5))  # waits for the next worker
    assert (shelf.asked, shelf.closed) == (1, 1)
    answer = stream.ask(LONG, last=True)
    assert await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(LONG)
    assert answer.done is not None
    assert answer.done.audio_tokens == 25


@pytest.mark.parametrize("fault", [None, OSError("gone"), EngineError(FailureCode.INTERNAL, "It is gone.")])
async def test_a_source_that_fails_costs_its_stream_alone(start_engine: StartEngine, fault: Exception | None) -> None:
    engine = await ready_engine(start_engine, Slow)
    shelf = Shelf(silence(5), fault=fault)  # without a fault: less than was appended
    broken = engine.open(StreamSpec(10, LONG), request_id="test", source=shelf)
    beside = open_stream(engine, LONG)
    for stream in (broken, beside):
        await stream.append(silence(10))
    answers = [stream.ask(LONG, last=True) for stream in (broken, beside)]
    kill(engine)
    assert await failure_of(answers[0]) is FailureCode.INTERNAL
    assert await asyncio.wait_for(tokens_of(answers[1]), PATIENCE) == answer_of(LONG)
    with pytest.raises(EngineError):
        await broken.append(silence(1))
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


async def test_what_is_closed_or_cropped_meanwhile_is_not_brought_back(start_engine: StartEngine) -> None:
    settings = EngineSettings(restart_delay=0.3)
    engine = await ready_engine(start_engine, Slow, settings)
    closed, cropped, listening = (open_stream(engine, LONG, 30) for _ in range(3))
    for stream in (closed, cropped, listening):
        await stream.append(silence(10))
    answers = [stream.ask(LONG) for stream in (closed, cropped)]
    for answer in answers:
        await asyncio.wait_for(anext(answer), PATIENCE)
    kill(engine)
    await died(engine)
    closed.close()
    await cropped.crop()
    assert await failure_of(answers[0]) is FailureCode.INTERNAL
    assert answers[1].done is not None
    assert answers[1].done.reason is EndReason.CROPPED
    await cropped.append(silence(3))
    shorter = Question(seed=3, max_tokens=9)
    last = await asyncio.wait_for(cropped.ask(shorter, last=True).read(), PATIENCE)
    assert (list(last.tokens), last.done.audio_tokens) == (answer_of(shorter), 13)
    assert last.done.total_seconds < PATIENCE
    listening.close()
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


async def test_a_crop_that_was_on_its_way_is_done(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    async with open_stream(engine, LONG) as stream:
        await stream.append(silence(10))
        answer = stream.ask(LONG)
        await asyncio.wait_for(anext(answer), PATIENCE)
        kill(engine, signal.SIGSTOP)  # it will never read the crop
        cropping = asyncio.create_task(stream.crop())
        await asyncio.sleep(0)
        kill(engine)
        await asyncio.wait_for(cropping, PATIENCE)
        assert answer.done is not None
        assert answer.done.reason is EndReason.CROPPED
        assert await whole(stream, LONG) == answer_of(LONG)


async def test_audio_waits_for_its_turn_in_the_new_worker_too(start_engine: StartEngine) -> None:
    """More than the pipe and the inbox hold; nothing is read of a source before the worker takes it."""
    engine = await ready_engine(start_engine, Runner)
    samples = silence(3000)  # 38 MB
    shelf = Shelf(samples, block=240_000)
    taken = 0

    async def replay() -> AsyncGenerator[Samples, None]:
        nonlocal taken
        async for block in Shelf.replay(shelf):
            taken += block.size
            yield block

    shelf.replay = replay  # type: ignore[method-assign]
    async with engine.open(StreamSpec(3000, LONG), request_id="test", source=shelf) as stream:
        await stream.append(samples)
        kill(engine)
        await died(engine)
        await ready(engine)
        kill(engine, signal.SIGSTOP)
        answer = stream.ask(LONG)
        seen = -1
        while seen != taken:  # until nothing more is taken
            seen = taken
            await asyncio.sleep(0.2)
        assert seen < samples.size
        kill(engine, signal.SIGCONT)
        assert await asyncio.wait_for(tokens_of(answer), PATIENCE) == answer_of(LONG)
        assert answer.done is not None
        assert answer.done.audio_tokens == 3000


async def test_streams_that_wait_hear_when_no_worker_can_be_had(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow, EngineSettings(restart_delay=0.01, max_failed_starts=1))
    async with open_stream(engine, LONG) as stream:
        await stream.append(silence(10))
        answer = stream.ask(LONG)
        kill(engine)
        await eventually(lambda: engine.restarts == 1 and engine.worker_pid is not None)
        kill(engine)
        assert await failure_of(answer) is FailureCode.WORKER_DIED
        with pytest.raises(EngineError):
            await stream.append(silence(1))
    await engine.wait_failed()
    assert engine.deaths[Death.START_FAILED] == 1
    with pytest.raises(EngineUnavailable):
        await engine.wait_ready()


async def test_streams_that_wait_end_with_the_engine(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow, EngineSettings(restart_delay=1000, restart_delay_max=1000))
    stream = open_stream(engine, LONG)
    await stream.append(silence(10))
    answer = stream.ask(LONG)
    kill(engine)
    await died(engine)
    appending = asyncio.create_task(open_and_append(stream))
    await asyncio.wait_for(engine.close(), PATIENCE)
    assert await failure_of(answer) is FailureCode.SHUTTING_DOWN
    with pytest.raises(EngineError):
        await appending


async def open_and_append(stream: EngineStream) -> None:
    await stream.append(np.zeros(10, np.float32))
