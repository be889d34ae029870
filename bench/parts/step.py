"""The decode step: what a forward costs by batch size, and how many forwards drafts save.

python -m bench.parts.step [--clips 16] [--threads 1] [--record]
"""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from bench.support import clips as material
from bench.support import engine
from bench.support.report import Goal, Report, machine, parser
from model.loading.checkpoint import load_checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples, clip_level
from model.seam.steps import EncodeWork, PendingStep, RowWork, StepPlan, StepResult

BATCHES = [1, 4, 16, 32]
STEPS = 40


def main() -> None:
    """Run the bench and print its tables and goal."""
    command = parser(__doc__)
    command.add_argument("--clips", type=int, default=16)
    command.add_argument("--threads", type=int, default=1)
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint("tiny")
    clips = material.ragged_clips(options.clips)
    plain = CountingRunner(checkpoint, pages=4096, page_size=32, drafts=False)
    drafted = CountingRunner(checkpoint, pages=4096, page_size=32)
    report = Report("step")
    report.say(machine())

    rows = []
    for batch in BATCHES:
        seconds = _step_seconds(plain, clips, batch)
        rows.append([str(batch), f"{1000 * seconds:.2f}", f"{batch / seconds:.0f}"])
    report.table(["rows", "ms per step", "tokens per s"], rows)

    plain.answering_steps = 0
    answers = engine.transcribe(plain, clips, concurrency=1, tokens=1024)
    if engine.transcribe(drafted, clips, concurrency=1, tokens=1024) != answers:
        raise SystemExit("drafts changed an answer")
    tokens = sum(map(len, answers))
    report.say(f"{tokens} answer tokens: {plain.answering_steps} forwards plain, {drafted.answering_steps} drafted")
    report.goals([Goal("forwards-saved-by-drafts", plain.answering_steps / drafted.answering_steps, 1.3)])
    if options.record:
        report.record()


class CountingRunner(Runner):
    """A runner that counts the steps in which answers came out."""

    answering_steps = 0

    def launch(self, plan: StepPlan) -> PendingStep:
        pending = super().launch(plan)
        return replace(pending, read=lambda: self._counted(pending.read()))

    def _counted(self, result: StepResult) -> StepResult:
        self.answering_steps += bool(result.emitted)
        return result


def _step_seconds(runner: Runner, clips: list[Samples], batch: int) -> float:
    """Mean seconds of a decode step with ``batch`` rows behind prompts of the clips' lengths."""
    for number in range(batch):
        clip = clips[number % len(clips)]
        runner.open(number, clip_level(clip))
        runner.append(number, clip)
        runner.pad(number)
        runner.step(StepPlan(encode=(EncodeWork(number, runner.counts(number).waiting),)))
        runner.ask(number)
        runner.step(StepPlan(rows=(RowWork(number, runner.counts(number).queued),)))
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
