"""The decode step: what a forward costs by batch size, and how many forwards drafts save.

python -m bench.step [--clips 16] [--threads 1]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch

from bench import clips as material
from bench import engine
from bench.report import Goal, machine, print_goals, table
from model.audio import clip_level
from model.checkpoint import load_checkpoint
from model.runner import Runner
from model.steps import EncodeWork, RowWork, Samples, StepPlan, StreamSpec

BATCHES = [1, 4, 16, 32]
STEPS = 40


def main() -> None:
    """Run the bench and print its tables and goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint("tiny")
    clips = material.ragged_clips(options.clips)
    plain = Runner(checkpoint, pages=4096, page_size=32, drafts=False)
    drafted = Runner(checkpoint, pages=4096, page_size=32)
    print(machine() + "\n")

    rows = []
    for batch in BATCHES:
        seconds = _step_seconds(plain, clips, batch)
        rows.append([str(batch), f"{1000 * seconds:.2f}", f"{batch / seconds:.0f}"])
    print(table(["rows", "ms per step", "tokens per s"], rows) + "\n")

    forwards = {}
    answers = {}
    for name, runner in (("plain", plain), ("drafted", drafted)):
        counted = _Counted(runner)
        answers[name] = engine.transcribe(counted.runner, clips, concurrency=1, tokens=1024)
        forwards[name] = counted.decode_steps
    tokens = sum(map(len, answers["plain"]))
    print(f"{tokens} answer tokens: {forwards['plain']} forwards plain, {forwards['drafted']} drafted\n")
    if answers["plain"] != answers["drafted"]:
        raise SystemExit("drafts changed an answer")
    print_goals([Goal("forwards-saved-by-drafts", forwards["plain"] / forwards["drafted"], 1.3)])


class _Counted:
    """A runner whose steps with answers are counted."""

    def __init__(self, runner: Runner) -> None:
        self.decode_steps = 0
        self.runner: Any = runner
        self._step: Callable[[StepPlan], Any] = runner.step
        self.runner.step = self._counting

    def _counting(self, plan: StepPlan) -> Any:
        result = self._step(plan)
        self.decode_steps += bool(result.emitted)
        return result


def _step_seconds(runner: Runner, clips: list[Samples], batch: int) -> float:
    """Mean seconds of a decode step with ``batch`` rows behind prompts of the clips' lengths."""
    for number in range(batch):
        clip = clips[number % len(clips)]
        runner.open(number, StreamSpec(level=clip_level(clip)))
        runner.append_audio(number, clip)
        runner.step(StepPlan(encode=(EncodeWork(number, runner.finish_audio(number)),)))
        runner.step(StepPlan(rows=(RowWork(number, runner.ask(number)),)))
    plan = StepPlan(rows=tuple(RowWork(number, 1) for number in range(batch)))
    runner.step(plan)
    began = time.perf_counter()
    for _ in range(STEPS):
        runner.step(plan)
    seconds = (time.perf_counter() - began) / STEPS
    for number in range(batch):
        runner.release(number)
    return seconds


if __name__ == "__main__":
    main()
