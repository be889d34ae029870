"""How much audio the encoders take at a time: memory and time of a recording, by ``streaming_segment_duration``.

    python -m bench.parts.segments [--minutes 4] [--rounds 3] [--threads 1] [--record]

The same recording is encoded in parts of every duration, on the bundled checkpoint. Memory is that of all tensors that
are made, at most at a time. Beside it stands what a server plans for the full-size model in bfloat16.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.support.random_model import full_size, without_memory
from bench.support.report import Goal, Report, machine, parser
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import GEOMETRY, HOP
from model.loading.checkpoint import load_checkpoint
from model.memory.footprint import Footprint
from model.seam.audio import Samples

SECONDS = (0.4, 2.0, 20.0, 60.0)
"""Three frames; as live sessions bring them; a step by default; Transformers' default."""
PAGE = Path(__file__).parents[2] / "docs" / "model.md"
_MEGABYTE = 1e6
_BFLOAT16 = 2


def main() -> None:
    """Run the bench and print its table and goals."""
    command = parser(__doc__)
    command.add_argument("--minutes", type=float, default=4.0)
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--threads", type=int, default=1)
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint("tiny")
    encoder = StreamingEncoder(checkpoint.model)
    planned = Footprint.of(without_memory(full_size()))
    generator = torch.Generator().manual_seed(0)
    audio: Samples = (
        torch.randn(round(60 * options.minutes * 24_000) // HOP * HOP, generator=generator) * 0.05
    ).numpy()
    report = Report("segments")
    report.say(
        f"{machine()}: {checkpoint.dtype} on {checkpoint.device}, {options.threads} thread(s), {options.minutes:g} "
        f"minutes of audio, best of {options.rounds} round(s)"
    )
    durations = [*SECONDS, audio.size / 24_000]
    rows, peaks, halves = [], [], []
    whole = _encoded(encoder, audio, durations[-1])
    for seconds in durations:
        peak, spent = _measure(encoder, audio, seconds, options.rounds)
        halves.append(_peak(encoder, audio[: audio.size // HOP // 2 * HOP], seconds))
        peaks.append(peak)
        differs = float((_encoded(encoder, audio, seconds) - whole).abs().max())
        frames = round(seconds * GEOMETRY.frame_rate)
        full = planned.encoding_bytes(frames, _BFLOAT16) / _MEGABYTE
        cells = [f"{seconds:.2f} s", str(frames), f"{peak:.0f} MB", f"{spent / options.minutes / 60 * 1000:.2f}"]
        rows.append([*cells, f"{differs:.0e}", f"{full:.0f} MB"])
    report.table(
        ["duration", "frames", "memory", "ms per audio-s", "largest difference to the whole", "full size, planned"],
        rows,
    )
    flat = peaks[-2] / halves[-2]
    report.goals(
        [
            Goal("segment-memory-of-twice-the-audio", flat, 1.25, at_least=False),
            Goal("whole-over-minute-memory", peaks[-1] / peaks[-2], 2.0),
        ]
    )
    if options.record:
        report.record(PAGE)


def _measure(encoder: StreamingEncoder, audio: Samples, seconds: float, rounds: int) -> tuple[float, float]:
    """Megabytes of tensors at most, and the best seconds, of the whole recording."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        _encoded(encoder, audio, seconds)
        best = min(best, time.perf_counter() - began)
    return _peak(encoder, audio, seconds), best


def _peak(encoder: StreamingEncoder, audio: Samples, seconds: float) -> float:
    tensors = Tensors()
    with tensors:
        _encoded(encoder, audio, seconds)
    return tensors.peak / _MEGABYTE


def _encoded(encoder: StreamingEncoder, audio: Samples, seconds: float) -> torch.Tensor:
    """The embeddings of all frames, encoded in parts of so many seconds."""
    state, part = EncoderState(), round(seconds * GEOMETRY.frame_rate) * HOP
    return torch.cat([encoder.encode([state], [audio[at : at + part]])[0] for at in range(0, audio.size, part)]).cpu()


class Tensors(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it so
    """Counts the bytes of the tensors that torch makes while this is on, those of the encoder's own weights not.

    Attributes:
        peak: most that there were at a time.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._alive: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {
            leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)
        }
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage(), given)
        return result

    def _count(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        place = storage._cdata
        if place in given or place in self._alive:
            return
        self._alive[place] = storage.nbytes()
        weakref.finalize(storage, self._alive.pop, place, None)
        self.peak = max(self.peak, sum(self._alive.values()))


if __name__ == "__main__":
    main()
