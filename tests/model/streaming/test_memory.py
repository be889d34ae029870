"""What a stream by turns holds on the device, position by position and byte by byte, and that it was planned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from model import start
from model.family import Family
from model.loading.checkpoint import Checkpoint
from model.memory.footprint import Footprint
from model.runner.turn_runner import TurnRunner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from model.start import Room, foresee, make_runner
from server.engine.budget import expected_tokens, pass_positions
from tests.model.streaming.test_turns import POSITIONS, hear, read
from tests.support import streaming_twin

GIB = 1 << 30
RATE = 24_000


@pytest.fixture
def runner(streaming: Checkpoint) -> TurnRunner:
    made = make_runner(streaming, kv_positions=POSITIONS)
    assert isinstance(made, TurnRunner)
    return made


def held(runner: TurnRunner, stream: int) -> Iterator[torch.Tensor]:
    """Frames that wait for their positions, wherever they wait."""
    state = runner._stream(stream)
    yield from state.sound.values()
    yield from state.part
    yield from (part for part in state.queue._parts if isinstance(part, torch.Tensor))


def held_bytes(runner: TurnRunner, stream: int) -> int:
    """By the memory behind them, which others may share, and which may be larger than they are."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in held(runner, stream)}
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("seconds", [0.5, 2.0, 6.0, 13.1])
def test_a_stream_takes_the_positions_that_are_reserved_for_it(
    runner: TurnRunner, talk: Samples, seconds: float
) -> None:
    samples = np.resize(talk, round(seconds * RATE))
    family = runner.info.family
    hear(runner, 1, samples)
    runner.ask(1)
    answer = read(runner, 1)
    counts = runner.counts(1)
    taken = counts.cached + counts.queued
    prompt = runner.prompt_positions(family.geometry.frames(samples.size), Question())
    assert taken == prompt + len(answer)
    assert len(answer) <= expected_tokens(seconds)
    assert taken <= pass_positions(family, seconds)
    assert pass_positions(family, seconds) - expected_tokens(seconds) - prompt <= family.prompt_tokens


@pytest.mark.parametrize("parts", [False, True])
def test_frames_wait_in_no_more_memory_than_their_positions_bring(
    runner: TurnRunner, streaming: Checkpoint, talk: Samples, parts: bool
) -> None:
    """From the first that is encoded to a question that begins with all answers, whatever the parts."""
    samples = np.resize(talk, 13 * RATE)
    hear(runner, 1, samples, np.random.default_rng(3) if parts else None)
    footprint, number = Footprint.of(streaming.model), 4
    frame = footprint.hidden * number
    frames = runner.info.geometry.frames(samples.size)
    assert held_bytes(runner, 1) == frames * frame
    assert frames <= runner.prompt_positions(frames, Question())
    runner.ask(1)
    answer: list[int] = []
    while (queued := runner.counts(1).queued) and runner._stream(1).done < runner._stream(1).windows:
        assert held_bytes(runner, 1) <= frames * frame
        (emitted,) = runner.step(StepPlan(rows=(RowWork(1, queued),))).emitted
        answer += emitted.tokens
    assert held_bytes(runner, 1) <= frames * frame
    runner.crop(1)
    runner.ask(1, Question(begun=tuple(token for token in answer if token not in runner.info.stop_ids)))
    assert held_bytes(runner, 1) == 0


def test_a_device_is_shared_out_with_room_for_them(streaming: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages together, and a frame for each of their positions, are within what the plan leaves."""
    monkeypatch.setattr(start, "free_bytes", lambda device: 2 * GIB)
    families: list[Family] = []

    def room(family: Family) -> Room:
        families.append(family)
        return Room(wanted=pass_positions(family, 60.0))

    prospect = foresee(str(streaming_twin.folder()), device="cpu", dtype="float32", room=room)
    assert families == [streaming.family], "windows are known before anything is planned"
    plan, footprint = prospect.plan, Footprint.of(streaming.model)
    assert plan is not None
    positions = prospect.info.pages * prospect.info.page_size
    assert positions * (footprint.position + footprint.hidden) * 4 <= plan.pages_bytes
    made = make_runner(streaming, room=room(streaming.family)).info
    assert made.pages == pytest.approx(prospect.info.pages, rel=0.05)
