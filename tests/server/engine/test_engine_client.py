"""The engine over a real worker process that runs the scripted runner: answers, faults, cancellation, the end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model.family.vibevoice_asr.geometry import HOP
from model.seam.streams import Question, StreamSpec
from server.engine.client.answer import Answer
from server.engine.client.engine import Engine, EngineState
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.messages import EndReason, FailureCode
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory
from tests.server.engine.conftest import PATIENCE, eventually
from tests.support.failing_starts import (
    CrampedRunner,
    find_a_busy_hub,
    lose_the_device,
    miss_a_checkpoint,
    refuse_to_load,
)
from tests.support.scripted_runner import FIRST, ScriptedRunner, answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

ROOT = Path(__file__).parents[3]
QUICK = EngineSettings(restart_delay=0.01, restart_delay_max=0.05, stop_grace=PATIENCE)
ENDLESS = Question(seed=1_000_000, max_tokens=2_000)
Runner = partial(ScriptedRunner, pages=4096)
Slow = partial(ScriptedRunner, pages=4096, step_seconds=0.002)


async def ready_engine(start: StartEngine, factory: RunnerFactory, settings: EngineSettings = QUICK) -> Engine:
    engine = await start(factory, settings)
    await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    return engine


def silence(frames: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(frames * HOP, dtype=np.float32)


def open_stream(engine: Engine, question: Question, frames: int = 10) -> EngineStream:
    return engine.open(StreamSpec(frames, question), request_id="test")


async def tokens_of(answer: Answer) -> list[int]:
    return list((await answer.read()).tokens)


async def transcribe(engine: Engine, question: Question, frames: int = 10) -> list[int]:
    async with open_stream(engine, question, frames) as stream:
        await stream.append(silence(frames))
        return await tokens_of(stream.ask(question, last=True))


async def begin(engine: Engine, stack: AsyncExitStack, question: Question = ENDLESS) -> Answer:
    """An answer whose first token is there."""
    stream = await stack.enter_async_context(open_stream(engine, question))
    await stream.append(silence(10))
    answer = stream.ask(question)
    assert (await asyncio.wait_for(anext(answer), PATIENCE)).tokens[0] == FIRST
    return answer


async def failure_of(answer: Answer) -> FailureCode:
    with pytest.raises(EngineError) as caught:
        await asyncio.wait_for(answer.read(), PATIENCE)
    assert answer.done is None
    return caught.value.code


async def test_streams_answer_side_by_side(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Runner)
    assert engine.info is not None
    assert engine.info.pages == 4096
    questions = [Question(seed=length) for length in range(1, 13)]
    answers = await asyncio.gather(*(transcribe(engine, each, frames=each.seed * 5) for each in questions))
    assert answers == [answer_of(each) for each in questions]
    await eventually(lambda: engine.stats is not None and engine.stats.done.answer_tokens == sum(range(1, 13)))
    assert engine.admission.speed != 10.0


async def test_too_long_is_said_while_the_audio_is_still_sent(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, ScriptedRunner)
    stream = open_stream(engine, Question(seed=3), frames=100_000)
    assert await failure_of(stream.ask(Question(seed=3))) is FailureCode.TOO_LONG
    with pytest.raises(EngineError, match="has room for 512"):
        await stream.append(silence(10))


async def test_leaving_a_stream_frees_its_pages(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    async with AsyncExitStack() as stack:
        await begin(engine, stack)
        await eventually(lambda: engine.stats is not None and engine.stats.pages_used > 0)
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)
    assert engine.stats is not None
    assert engine.stats.done.answer_tokens < 2_000


async def test_tokens_before_the_limit_and_the_reason(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Runner)
    question = Question(seed=100, max_tokens=7)
    async with open_stream(engine, question) as stream:
        answer = stream.ask(question)
        assert await tokens_of(answer) == answer_of(question)[:7]
        assert answer.done is not None
        assert answer.done.reason is EndReason.LENGTH
        assert [part async for part in answer] == []


async def test_a_stream_is_asked_again_and_cropped_and_ends_with_its_last_question(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    async with open_stream(engine, ENDLESS, frames=20) as stream:
        await stream.append(silence(10))
        first = await stream.ask(Question(seed=3)).read()
        assert (list(first.tokens), first.done.audio_tokens) == (answer_of(Question(seed=3)), 10)
        await stream.append(silence(5))
        endless = stream.ask(ENDLESS)
        assert (await anext(endless)).tokens[0] == FIRST
        with pytest.raises(RuntimeError, match="not answered yet"):
            stream.ask(ENDLESS)
        await stream.crop()
        assert endless.done is not None
        assert endless.done.reason is EndReason.CROPPED
        await stream.crop()  # nothing stands
        last = await stream.ask(Question(seed=2), last=True).read()
        assert (list(last.tokens), last.done.audio_tokens) == (answer_of(Question(seed=2)), 15)
        assert stream.ended
    assert engine.stats is not None
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


async def test_whoever_waits_for_an_answer_hears_that_the_stream_was_closed(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    async with AsyncExitStack() as stack:
        answer = await begin(engine, stack)
        waiting = asyncio.create_task(failure_of(answer))
        await stack.aclose()
        assert await waiting is FailureCode.INTERNAL
    async with open_stream(engine, Question(seed=2)) as stream:
        await stream.ask(Question(seed=2), last=True).read()
        with pytest.raises(RuntimeError, match="has ended"):
            stream.ask(Question(seed=2))


async def test_append_waits_for_a_worker_that_does_not_read(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Runner)
    pid = engine.worker_pid
    assert pid is not None
    question = Question(seed=3)
    async with open_stream(engine, question, frames=3000) as stream:
        os.kill(pid, signal.SIGSTOP)
        feeding = asyncio.create_task(stream.append(silence(3000)))  # 38 MB
        done, _ = await asyncio.wait({feeding}, timeout=0.5)
        os.kill(pid, signal.SIGCONT)
        assert not done
        await asyncio.wait_for(feeding, PATIENCE)
        answer = stream.ask(question)
        assert await tokens_of(answer) == answer_of(question)
        assert answer.done is not None
        assert answer.done.audio_tokens == 3000


async def test_close_ends_every_stream(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Slow)
    async with AsyncExitStack() as stack:
        answers = [await begin(engine, stack) for _ in range(3)]
        ends = [asyncio.create_task(failure_of(answer)) for answer in answers]
        await asyncio.wait_for(engine.close(), PATIENCE)
        assert [await end for end in ends] == [FailureCode.SHUTTING_DOWN] * 3
    assert engine.state is EngineState.CLOSED
    assert engine.worker_pid is None
    assert engine.restarts == 0
    with pytest.raises(EngineUnavailable):
        open_stream(engine, ENDLESS)
    with pytest.raises(EngineUnavailable):
        await engine.wait_ready()
    await engine.close()


async def test_close_kills_a_worker_that_does_not_stop(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Runner, EngineSettings(stop_grace=0.1))
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, signal.SIGSTOP)
    await asyncio.wait_for(engine.close(), PATIENCE)
    assert engine.worker_pid is None


async def test_close_while_the_model_is_loaded(start_engine: StartEngine) -> None:
    engine = await start_engine(Runner, QUICK)
    waiting = asyncio.create_task(engine.wait_ready())
    await eventually(lambda: engine.worker_pid is not None)
    await asyncio.wait_for(engine.close(), PATIENCE)
    with pytest.raises(EngineUnavailable):
        await waiting


async def test_close_before_there_was_a_worker(start_engine: StartEngine) -> None:
    engine = await start_engine(Runner, QUICK)
    async with asyncio.timeout(PATIENCE):
        await engine.close()  # in the same task, so that the engine's own has not begun
        await Engine(Runner).close()


async def test_close_between_two_workers(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Runner, EngineSettings(restart_delay=1000, restart_delay_max=1000))
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, signal.SIGKILL)
    await eventually(lambda: engine.state is EngineState.RESTARTING)
    await asyncio.wait_for(engine.close(), PATIENCE)


async def test_a_checkpoint_that_cannot_be_loaded_is_not_tried_again(start_engine: StartEngine) -> None:
    engine = await start_engine(refuse_to_load, QUICK)
    with pytest.raises(EngineUnavailable):
        await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    assert engine.state is EngineState.FAILED
    assert engine.failure == "The model could not be loaded: there is no such checkpoint"
    assert engine.restarts == 1


async def test_a_device_that_stays_busy_is_given_up(start_engine: StartEngine) -> None:
    engine = await start_engine(lose_the_device, EngineSettings(restart_delay=0.01, max_failed_starts=2))
    with pytest.raises(EngineUnavailable):
        await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    assert (engine.state, engine.restarts) == (EngineState.FAILED, 2)
    assert engine.failure is not None
    assert "the device is busy" in engine.failure


async def failed_start(start_engine: StartEngine, factory: RunnerFactory, starts: int) -> str:
    """What an engine says that gave up after so many starts."""
    engine = await start_engine(factory, EngineSettings(restart_delay=0.01, max_failed_starts=2))
    with pytest.raises(EngineUnavailable):
        await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    assert (engine.state, engine.restarts) == (EngineState.FAILED, starts)
    assert engine.failure is not None
    return engine.failure


async def test_what_an_operator_can_mend_is_said_in_one_line(
    start_engine: StartEngine, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    told = "Checkpoint /models/x is incomplete: tokenizer.json missing."
    assert await failed_start(start_engine, miss_a_checkpoint, 1) == told
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"the worker exited with status 1: {told}"
    ]
    assert "Traceback" not in capfd.readouterr().err


async def test_a_busy_hub_is_asked_by_another_worker(start_engine: StartEngine) -> None:
    assert "hub is busy" in await failed_start(start_engine, find_a_busy_hub, 2)


async def test_no_memory_for_the_first_step_is_not_tried_again(start_engine: StartEngine) -> None:
    told = await failed_start(start_engine, CrampedRunner, 1)
    assert "(CUDA out of memory. Tried to allocate 20.00 MiB.)" in told
    assert "--kv-positions" in told
    assert "\n" not in told


async def test_a_factory_that_does_not_pickle_is_said_to(start_engine: StartEngine) -> None:
    engine = await start_engine(lambda: ScriptedRunner(), EngineSettings(restart_delay=0.01, max_failed_starts=1))
    with pytest.raises(EngineUnavailable):
        await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    assert engine.failure is not None
    assert "could not be spawned" in engine.failure


async def test_a_worker_that_is_stuck_does_not_outlive_its_parent() -> None:
    program = """
import asyncio
from model.seam.streams import Question, StreamSpec
from server.engine.client.engine import Engine
from tests.support.scripted_runner import ScriptedRunner, Trouble

async def main():
    engine = Engine(ScriptedRunner)
    await engine.start()
    await engine.wait_ready()
    print(engine.worker_pid, flush=True)
    question = Question(Trouble.STUCK, max_tokens=5)
    async with engine.open(StreamSpec(0, question), request_id="test") as stream:
        await stream.ask(question).read()

if __name__ == "__main__":
    asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), PATIENCE))
    assert await asyncio.wait_for(parent.stdout.readline(), PATIENCE) == b"stuck\n"
    parent.kill()
    await asyncio.wait_for(parent.communicate(), PATIENCE)
    await eventually(lambda: not runs(pid))


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_the_api_process_needs_no_torch() -> None:
    program = "import sys, server.engine.client.engine; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
