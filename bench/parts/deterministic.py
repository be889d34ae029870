"""What one order of summation costs: the engine with and without ``--deterministic``, and how many answers it mends.

python -m bench.parts.deterministic [--clips 16] [--threads 1] [--rounds 3]

Both transcribe the same clips one at a time and all at once, in the same run, in turns; the best round of each counts.
An answer is *steady* if it is the same, log-probabilities aside, alone and in company.
"""

from __future__ import annotations

import time

import torch

from bench.support import clips as material
from bench.support import engine
from bench.support.report import Report, machine, parser
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.seam.audio import Samples
from model.start import make_runner

TOKENS = 1024
POSITIONS = 131_072


def main() -> None:
    """Run the bench and print its table."""
    command = parser(__doc__)
    command.add_argument("--clips", type=int, default=16)
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--rounds", type=int, default=3)
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    clips = material.ragged_clips(options.clips)
    report = Report("deterministic")
    report.say(f"{machine()}: {len(clips)} clips, {options.threads} thread(s), best of {options.rounds} round(s)")
    rows = []
    for dtype in ("bfloat16", "float32"):
        checkpoint = load_checkpoint("tiny", dtype=dtype)
        free, fixed = _measure(checkpoint, clips, options.rounds)
        for concurrency, (seconds, _) in free.items():
            slower = fixed[concurrency][0]
            cells = [dtype, str(concurrency), f"{seconds:.2f}", f"{slower:.2f}", f"{slower / seconds:.2f}"]
            rows.append([*cells, _steady(free, len(clips)), _steady(fixed, len(clips))])
    report.table(["dtype", "at once", "s", "s, deterministic", "ratio", "steady", "steady, deterministic"], rows)
    if options.record:
        report.record()


Measured = dict[int, tuple[float, list[list[int]]]]
"""Best seconds and answers by number of clips at once."""


def _measure(checkpoint: Checkpoint, clips: list[Samples], rounds: int) -> tuple[Measured, Measured]:
    """Without and with one order of summation."""
    ways = [make_runner(checkpoint, kv_positions=POSITIONS, deterministic=fixed) for fixed in (False, True)]
    measured: tuple[Measured, Measured] = ({}, {})
    for _ in range(rounds):
        for concurrency in (1, len(clips)):
            for runner, found in zip(ways, measured, strict=True):
                began = time.perf_counter()
                answers = engine.transcribe(runner, clips, concurrency=concurrency, tokens=TOKENS)
                seconds = time.perf_counter() - began
                best, _ = found.get(concurrency, (seconds, answers))
                found[concurrency] = min(best, seconds), answers
    return measured


def _steady(found: Measured, clips: int) -> str:
    alone, together = (answers for _, answers in found.values())
    return f"{sum(one == other for one, other in zip(alone, together, strict=True))}/{clips}"


if __name__ == "__main__":
    main()
