"""The encoders: ours against Transformers' modules, same weights, same audio, same run.

    python -m bench.parts.encoder [--rounds 5] [--threads 1] [--record]

Shapes are rows x frames of one call; a frame is 133 ms. The best round of each counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import geometric_mean

import torch

from bench.support.report import Goal, Report, machine, parser
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import GEOMETRY, HOP
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.reference import without_noise

SHAPES = [(1, 8), (8, 8), (1, 75), (4, 37), (16, 75), (1, 450)]


def main() -> None:
    """Run the bench and print its table and goal."""
    command = parser(__doc__)
    command.add_argument("--rounds", type=int, default=5)
    command.add_argument("--threads", type=int, default=1)
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint("tiny")
    report = Report("encoder")
    report.say(
        f"{machine()}: {checkpoint.dtype} on {checkpoint.device}, {options.threads} thread(s), "
        f"best of {options.rounds} round(s)"
    )
    rows, ratios = [], []
    for batch, frames in SHAPES:
        eager, own = _measure(checkpoint, batch, frames, options.rounds)
        seconds = batch * frames / GEOMETRY.frame_rate
        ratios.append(eager / own)
        cells = [f"{batch} x {frames}", f"{1000 * eager / seconds:.2f}", f"{1000 * own / seconds:.2f}"]
        rows.append([*cells, f"{eager / own:.2f}"])
    report.table(["rows x frames", "modules, ms per audio-s", "ours, ms per audio-s", "ratio"], rows)
    report.goals([Goal("encoder-over-modules", geometric_mean(ratios), 2.0)])
    if options.record:
        report.record()


@torch.inference_mode()
def _measure(checkpoint: Checkpoint, batch: int, frames: int, rounds: int) -> tuple[float, float]:
    """Best seconds of Transformers' modules and of ours for one call; the two take turns."""
    audio = torch.randn(batch, 1, frames * HOP, generator=torch.Generator().manual_seed(0)) * 0.05
    chunks = [row[0].numpy() for row in audio]
    modules, encoder = checkpoint.model.model, StreamingEncoder(checkpoint.model)
    on_device = audio.to(checkpoint.device, checkpoint.dtype)
    quiet = without_noise(modules)
    best = {"eager": float("inf"), "own": float("inf")}
    for _ in range(rounds + 1):  # the first round warms up, and is never the best
        best["eager"] = min(best["eager"], _timed(partial(modules.get_audio_features, on_device, **quiet)))
        states = [EncoderState() for _ in range(batch)]
        best["own"] = min(best["own"], _timed(partial(encoder.encode, states, chunks)))
    return best["eager"], best["own"]


def _timed(call: Callable[[], object]) -> float:
    _wait()
    began = time.perf_counter()
    call()
    _wait()
    return time.perf_counter() - began


def _wait() -> None:
    """For a device that works asynchronously."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
