"""The whole way of a request on a CUDA card that is played: what the host launches, waits for, allocates and orders.

The real runner, scheduler and step loop in bfloat16, as wide as the real checkpoint but with few layers, with every
attention backend, with recorded steps and without, with guesses and without.
"""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass

import pytest
import torch

from bench.gpu.random_steps import RandomSteps
from bench.rehearsal import FakeCuda, card_of
from bench.rehearsal.clients import Answers, Script, play
from bench.rehearsal.memory import accept
from bench.rehearsal.scenes import cancelled, captions, files, questions, right, said
from bench.rehearsal.watch import Watched, watched
from bench.support.random_model import full_size, random_checkpoint
from model.runner.runner import Runner
from model.seam.runner import AttentionName
from model.seam.steps import StepSizes
from model.start import make_runner
from server.engine.messages import FailureCode
from server.engine.settings import EngineSettings

POSITIONS = 1 << 17
TOKENS = 12
RAGGED = [1.0, 3.0, 8.3, 20.0, 0.4]


@dataclass(frozen=True)
class Setup:
    attention: AttentionName
    graphs: bool = True
    drafts: bool = True

    def __str__(self) -> str:
        return "-".join([self.attention, "recorded" if self.graphs else "eager", "drafts" if self.drafts else "plain"])


SETUPS = [
    Setup("varlen"),
    Setup("varlen", drafts=False),
    Setup("varlen", graphs=False),
    Setup("flash"),
    Setup("triton"),
    Setup("triton", graphs=False),
    Setup("sdpa", graphs=False),
]


@dataclass
class Stage:
    """A runner on its card. ``setup``: how it was made; ``warned``: what the model's room said meanwhile."""

    setup: Setup
    cuda: FakeCuda
    runner: Runner
    warned: list[str]

    def play(self, script: Script, settings: EngineSettings | None = None) -> tuple[Answers, Watched]:
        """Run a script, and see that nothing is left of it. A card keeps what it has found."""
        with self.cuda, watched(self.cuda, self.runner) as seen:
            answers = play(self.runner, script, settings)
            assert self.runner.free_pages == self.runner.info.pages
            self.runner.check_integrity()
        assert not self.cuda.faults, str(self.cuda.faults)
        return answers, seen


@pytest.fixture(scope="module", params=SETUPS, ids=str)
def stage(request: pytest.FixtureRequest) -> Stage:
    setup: Setup = request.param
    with FakeCuda(card_of(24), flash=setup.attention == "flash") as cuda:
        warned: list[str] = []
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: warned.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("model").addHandler(handler)
        checkpoint = random_checkpoint(
            full_size(layers=2, blocks=[1] * 7), torch.device("cuda", torch.cuda.current_device()), torch.bfloat16
        )
        runner = make_runner(
            checkpoint,
            kv_positions=POSITIONS,
            attention=setup.attention,
            graphs=setup.graphs,
            drafts=setup.drafts,
        )
        logging.getLogger("model").removeHandler(handler)
        play(runner, files([0.5, 30.0], tokens=2))  # as the worker's warm-up, and a step too large to be recorded
    return Stage(setup, cuda, runner, warned)


SCRIPTS: dict[str, Script] = {
    "files": files(RAGGED, tokens=TOKENS),
    "drawn": files(RAGGED, tokens=TOKENS, temperature=0.7, top_p=0.9),
    "captions": captions(3, updates=2, guess=lambda _: said(4), tokens=TOKENS, beside=2),
    "guessed": captions(4, updates=2, guess=right, tokens=TOKENS),
    "long": files([100.0, 2.0], tokens=TOKENS),
    "cancelled": cancelled(12.0),
    "questions": questions(12.0, tokens=TOKENS),
}


def test_everything_that_can_be_recorded_is(stage: Stage) -> None:
    assert not stage.warned
    assert stage.runner.info.attention == stage.setup.attention


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_host_waits_once_a_step_and_never_to_launch_one(stage: Stage, name: str) -> None:
    answers, seen = stage.play(SCRIPTS[name])
    assert not answers.failed
    if name != "cancelled":
        assert set(answers.tokens.values()) <= {TOKENS, 2 * TOKENS}
        assert not answers.preempted
    for step in seen.steps:
        assert not step.launched.waits, (step.plan, step.launched.waits)
        assert step.waits.total() <= 1, (step.plan, step.waits)
    assert not seen.compiled, "kernels were compiled while somebody waited for them"
    assert any(step.recorded for step in seen.steps) is stage.setup.graphs


def test_a_small_step_is_a_handful_of_launches(stage: Stage) -> None:
    if not stage.setup.graphs:
        pytest.skip("its steps are not recorded")
    _, seen = stage.play(files([2.0] * 8, tokens=TOKENS))
    decoding = [step.launched for step in seen.steps if not step.plan.encode and len(step.plan.rows) == 8]
    assert decoding
    assert max(each.launches for each in decoding) <= 12


def test_rows_of_one_query_share_the_keys_that_they_read(stage: Stage) -> None:
    """Seven query heads look at one key head: read once for each of them, a long context costs seven times as much."""
    stage.play(files([2.0, 3.0], tokens=TOKENS))
    assert not stage.cuda.counts.unshared


def test_the_next_step_is_launched_before_the_last_is_read(stage: Stage) -> None:
    _, seen = stage.play(files([2.0, 2.0], tokens=TOKENS))
    decoding = [step for step in seen.steps if not step.plan.encode]
    behind = sum(not step.followed for step in decoding)
    assert behind <= len(decoding) // 3, f"{behind} of {len(decoding)} steps were read before the next was launched"


def test_encoder_and_decoder_overlap(stage: Stage) -> None:
    """Rows wait for the frames that they take and for no later ones."""
    settings = EngineSettings(StepSizes(encode_frames=75, prefill_positions=512))
    _, seen = stage.play(files([60.0, 60.0], tokens=4), settings)
    both = [step for step in seen.steps if step.plan.encode and step.plan.rows]
    assert len(both) > 5
    assert all(len(step.launched.by_stream) == 2 for step in both), "they run on streams of their own"
    for step in both:
        assert not step.late, f"{step.plan}: rows wait for the encoding that was launched with them"


def test_random_steps_leave_nothing_behind(stage: Stage) -> None:
    with stage.cuda:
        gc.collect()
        before = stage.cuda.memory.taken
        with watched(stage.cuda, stage.runner) as seen:
            RandomSteps(stage.runner, seed=1).run(20, time_left=lambda: True)
        gc.collect()
        assert stage.cuda.memory.taken <= before + (64 << 20)
    assert not stage.cuda.faults, str(stage.cuda.faults)
    assert all(step.waits.total() <= 1 for step in seen.steps)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_memory_that_is_short_for_a_moment_ends_nobody(stage: Stage, part: str) -> None:
    refused: list[int] = []

    def refuse(size: int, place: str) -> bool:
        encoding = "model/encoder/causal_stack.py" in place
        if size < 1 << 18 or len(refused) >= 3 or encoding is not (part == "encoder"):
            return False
        refused.append(size)
        return True

    stage.cuda.memory.refuse = refuse
    try:
        answers, _ = stage.play(files([8.0, 8.0, 8.0], tokens=TOKENS))
    finally:
        stage.cuda.memory.refuse = accept
    assert len(refused) == 3
    assert not answers.failed
    assert answers.tokens == dict.fromkeys(range(3), TOKENS)


def test_memory_that_stays_short_ends_those_who_need_it_and_nobody_later(stage: Stage) -> None:
    stage.cuda.memory.refuse = lambda size, _: size > 64 << 10
    try:
        answers, _ = stage.play(files([40.0, 40.0], tokens=TOKENS))
    finally:
        stage.cuda.memory.refuse = accept
    assert answers.failed == dict.fromkeys(range(2), FailureCode.OUT_OF_MEMORY)
    answers, _ = stage.play(files([4.0], tokens=TOKENS))
    assert answers.tokens == {0: TOKENS}
