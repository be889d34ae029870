"""The engine over the real runner with the bundled checkpoint: what the crowd is told is what each would hear alone."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from model.errors import DeviceMemoryError, StartError
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from model.seam.steps import StepSizes
from model.seam.streams import Question, StreamSpec
from server.engine.client.engine import Engine
from server.engine.messages import EndReason
from server.engine.settings import EngineSettings
from server.engine.worker.load import load_model
from server.engine.worker.main import out_of_memory_types
from tests.server.engine.conftest import eventually

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

TINY = partial(load_model, "tiny", device="cpu", dtype="float32", kv_positions=512, min_audio_seconds=10.0)
"""Pages for about three of the recordings below, so that the others wait."""


def recording(seed: int) -> Samples:
    """One to four seconds of something with a pitch."""
    random = np.random.default_rng(seed)
    time = np.arange(int(SAMPLE_RATE * random.uniform(1, 4))) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * random.uniform(80, 300) * time * (1 + 0.1 * np.sin(5 * time)))
    return (0.1 * tone + 0.01 * random.standard_normal(time.size)).astype(np.float32)


async def transcribe(engine: Engine, samples: Samples, *, pieces: int) -> list[int]:
    spec = StreamSpec(GEOMETRY.frames(samples.size), Question(max_tokens=16), clip_level(samples))
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
        load_model("tiny", device="cpu", dtype="float32")


def test_fewer_positions_than_a_useful_recording_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a server would become ready and refuse every upload."""
    monkeypatch.setattr("model.start.load_runner", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(StartError, match=r"--kv-positions 512 .* --min-audio-minutes 5 .*takes 4\d\d\d"):
        load_model("tiny", device="cpu", dtype="float32", kv_positions=512)
