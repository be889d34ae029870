"""The engine over the real runner with the bundled checkpoint: what the crowd is told is what each would hear alone."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from model.errors import DeviceMemoryError, StartError
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from model.seam.runner import StepRunner
from model.seam.steps import PendingStep, StepPlan, StepSizes
from model.seam.streams import Question, StreamSpec
from server.engine.client.engine import Engine
from server.engine.errors import EngineError
from server.engine.messages import EndReason, FailureCode
from server.engine.settings import EngineSettings
from server.engine.worker.load import ModelWishes, load_model
from server.engine.worker.main import out_of_memory_types
from tests.server.engine.conftest import eventually

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

TINY = partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32", kv_positions=512, min_audio_seconds=5.0))
"""Pages for about three of the recordings below, so that the others wait."""


def recording(seed: int) -> Samples:
    """One to four seconds of something with a pitch."""
    random = np.random.default_rng(seed)
    time = np.arange(int(SAMPLE_RATE * random.uniform(1, 4))) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * random.uniform(80, 300) * time * (1 + 0.1 * np.sin(5 * time)))
    return (0.1 * tone + 0.01 * random.standard_normal(time.size)).astype(np.float32)


async def transcribe(
    engine: Engine,
    samples: Samples,
    *,
    pieces: int,
    question: Question = Question(max_tokens=16),  # noqa: B008 - frozen
) -> list[int]:
    spec = StreamSpec(GEOMETRY.frames(samples.size), question, clip_level(samples))
    async with engine.open(spec, request_id="test") as stream:
        for piece in np.array_split(samples, pieces):
            await stream.append(piece)
        answer = await stream.ask(spec.question, last=True).read()
    assert answer.done.reason in (EndReason.STOP, EndReason.LENGTH)
    assert answer.done.audio_tokens == GEOMETRY.frames(samples.size)
    assert answer.done.answer_tokens == len(answer.tokens) > 0
    return list(answer.tokens)


async def test_together_as_alone(start_engine: StartEngine) -> None:
    settings = EngineSettings(StepSizes(max_rows=4, prefill_positions=16, encode_frames=12))
    engine = await start_engine(TINY, settings)
    await engine.wait_ready()
    recordings = [recording(seed) for seed in range(5)]
    alone = [await transcribe(engine, samples, pieces=1) for samples in recordings]
    together = await asyncio.gather(*(transcribe(engine, samples, pieces=7) for samples in recordings))
    assert together == alone
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


FLAW = "This context breaks a step when it is over."


def load_flawed() -> StepRunner:
    """The model with a fault that shows when a step has changed everything it can."""
    runner = TINY()
    launch, ask = runner.launch, runner.ask
    flawed: set[int] = set()

    def note(stream: int, question: Question) -> str:
        if question.context == FLAW:
            flawed.add(stream)
        return ask(stream, question)

    def fail(plan: StepPlan) -> PendingStep:
        pending = launch(plan)
        if flawed & {row.stream for row in plan.rows}:
            pending.read()
            raise ArithmeticError("the step is broken")
        return pending

    runner.ask, runner.launch = note, fail  # type: ignore[method-assign]
    return runner


async def test_steps_that_fail_and_workers_that_die_change_no_token(start_engine: StartEngine) -> None:
    settings = EngineSettings(StepSizes(max_rows=4, prefill_positions=16, encode_frames=12), restart_delay=0.01)
    engine = await start_engine(load_flawed, settings)
    await engine.wait_ready()
    recordings = [recording(seed) for seed in range(4)]
    questions = [Question(max_tokens=24, temperature=0.8 * (seed % 2), seed=seed) for seed in range(4)]
    asked = list(zip(recordings, questions, strict=True))
    alone = [await transcribe(engine, samples, pieces=1, question=each) for samples, each in asked]
    together = [asyncio.create_task(transcribe(engine, samples, pieces=3, question=each)) for samples, each in asked]
    with pytest.raises(EngineError) as caught:
        await transcribe(engine, recordings[0], pieces=1, question=Question(FLAW, max_tokens=16))
    assert caught.value.code is FailureCode.INTERNAL
    assert await asyncio.gather(*together) == alone
    assert engine.restarts == 0

    together = [asyncio.create_task(transcribe(engine, samples, pieces=3, question=each)) for samples, each in asked]
    given = engine.done.answer_tokens
    await eventually(lambda: engine.done.answer_tokens > given + 10)
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, signal.SIGKILL)
    assert await asyncio.gather(*together) == alone
    assert engine.restarts == 1
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


def test_memory_errors_of_the_device_are_known() -> None:
    assert {MemoryError, torch.OutOfMemoryError} <= set(out_of_memory_types())


def test_a_device_without_room_is_told_in_minutes_before_the_weights_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.start.free_bytes", lambda device: 300 << 20)
    monkeypatch.setattr(
        "model.loading.checkpoint.OpenedCheckpoint.load", lambda opened: pytest.fail("the weights were read")
    )
    with pytest.raises(
        DeviceMemoryError, match=r"room for 0 minutes of audio in one pass and --min-audio-minutes .* 5"
    ):
        load_model(ModelWishes("tiny", device="cpu", dtype="float32"))


def test_fewer_positions_than_a_useful_recording_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a server would become ready and refuse every upload."""
    monkeypatch.setattr("model.loading.checkpoint.OpenedCheckpoint.load", lambda _: pytest.fail("it was loaded"))
    with pytest.raises(StartError, match=r"--kv-positions 512 .* --min-audio-minutes 5 .*takes 4\d\d\d"):
        load_model(ModelWishes("tiny", device="cpu", dtype="float32", kv_positions=512))
