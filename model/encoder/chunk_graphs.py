"""Recorded encoder batches: the chunks of live audio are so small that launching their kernels takes longer than they.

Larger batches, as of files, keep the device busy without. See ``model.device.graphs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from model.device.capture import Capture, Replay, Result

ROWS = (1, 2, 4, 8, 16)
FRAMES = (4, 8, 15)
"""A recording for every pair of these: up to sixteen streams that each bring up to two seconds."""

Compute = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None], Result]
"""(audio, acoustic histories, semantic histories, frames of each row) → embeddings and both histories after."""


@dataclass(frozen=True, slots=True)
class _Recording:
    """``audio``: [rows, frames * hop]; ``histories``: [rows, size] each; ``counts``: [rows]."""

    audio: torch.Tensor
    histories: tuple[torch.Tensor, torch.Tensor]
    counts: torch.Tensor
    replay: Replay
    result: Result


class ChunkGraphs:
    """Recordings of all shapes, made at once so that no stream waits for one."""

    def __init__(
        self,
        compute: Compute,
        capture: Capture,
        *,
        hop: int,
        history_sizes: tuple[int, int],
        dtype: torch.dtype,
        device: torch.device,
        rows: tuple[int, ...] = ROWS,
        frames: tuple[int, ...] = FRAMES,
    ) -> None:
        """``compute``: a batch. ``hop``: samples per frame. ``history_sizes``: of the acoustic and semantic encoder."""
        self._rows, self._frames, self._hop = rows, frames, hop
        self._recordings: dict[tuple[int, int], _Recording] = {}
        for height in reversed(rows):  # the largest first: the others find room in the memory it leaves
            for width in reversed(frames):
                self._recordings[height, width] = _record(
                    compute, capture, height, width, hop, history_sizes, dtype, device
                )

    @torch.inference_mode()
    def run(
        self, audio: torch.Tensor, acoustic: torch.Tensor, semantic: torch.Tensor, counts: torch.Tensor
    ) -> Result | None:
        """Replay a batch, or None for one that is too large.

        ``audio``: [rows, longest * hop]; histories: [rows, size]; ``counts``: [rows] frames of each row. The result may
        have more frames than the batch and holds until the next call.
        """
        rows, samples = audio.shape
        height = next((each for each in self._rows if each >= rows), None)
        width = next((each for each in self._frames if each * self._hop >= samples), None)
        if height is None or width is None:
            return None
        recording = self._recordings[height, width]
        recording.audio[:rows, :samples] = audio
        for kept, histories in zip(recording.histories, (acoustic, semantic), strict=True):
            kept[:rows] = histories
        recording.counts[:rows] = counts
        recording.replay()
        return tuple(each[:rows] for each in recording.result)


@torch.inference_mode()
def _record(
    compute: Compute,
    capture: Capture,
    rows: int,
    frames: int,
    hop: int,
    history_sizes: tuple[int, int],
    dtype: torch.dtype,
    device: torch.device,
) -> _Recording:
    audio = torch.zeros(rows, frames * hop, dtype=dtype, device=device)
    first, second = (torch.zeros(rows, size, dtype=dtype, device=device) for size in history_sizes)
    counts = torch.full((rows,), frames, device=device)
    replay, result = capture(lambda: compute(audio, first, second, counts))
    return _Recording(audio, (first, second), counts, replay, result)
