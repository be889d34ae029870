"""Quantised weights and the tightest economy on a card that is played: where things lie, and what loading takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.rehearsal import FakeCuda, card_of
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.memory.footprint import Footprint
from model.runner.runner import Runner
from model.seam.runner import WeightsName
from model.seam.steps import EncodeWork, RowWork, StepPlan
from model.start import Room, make_runner

ADA = card_of(24, capability=(8, 9))


def answer_something(runner: Runner) -> None:
    runner.open(1)
    runner.append(1, np.zeros(8 * HOP, dtype=np.float32))
    runner.step(StepPlan(encode=(EncodeWork(1, 8),), rows=(RowWork(1, runner.counts(1).queued),)))
    runner.ask(1)
    (emitted,) = runner.step(StepPlan(rows=(RowWork(1, runner.counts(1).queued),))).emitted
    assert emitted.tokens
    runner.release(1)
    runner.check_integrity()


def devices(checkpoint: Checkpoint) -> set[torch.device]:
    model = checkpoint.model
    return {each.device for each in (*model.parameters(), *model.buffers())}


@pytest.mark.parametrize("weights", ["int8", "fp8", "nf4"])
def test_quantised_weights_are_made_one_by_one_on_the_card(weights: WeightsName) -> None:
    with FakeCuda(ADA) as cuda:
        checkpoint = load_checkpoint("tiny", device="cuda", weights=weights)
        assert devices(checkpoint) == {torch.device("cuda", 0)}
        one = 16 * Footprint.of(checkpoint.model).largest  # whole, in float32, and divided
        assert cuda.memory.peak <= cuda.memory.allocated + one
        runner = make_runner(checkpoint, graphs=False)
        assert (runner.info.dtype, checkpoint.weights) == ("bfloat16", weights)
        answer_something(runner)


def test_the_plan_is_made_for_the_card() -> None:
    with FakeCuda(card_of(1)) as cuda:
        checkpoint = load_checkpoint("tiny", device="cuda")
        runner = make_runner(checkpoint, graphs=False, room=Room(wanted=1))
        pool = runner._decoder.pool
        assert cuda.memory.free < (1 << 30) // 2
        assert runner.info.pages == pool.pages > 0
        answer_something(runner)


def test_the_tightest_economy_answers() -> None:
    with FakeCuda(ADA):
        checkpoint = load_checkpoint("tiny", device="cuda")
        runner = make_runner(checkpoint, graphs=False, room=Room(wanted=10**9))
        assert runner.info.largest_step is not None
        assert runner.info.largest_step.prefill_positions == 256
        answer_something(runner)
