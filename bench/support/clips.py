"""Ragged clips of held-out speech, the same for every contender and every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples

HELD_OUT = Path(__file__).parents[2] / "model" / "tiny" / "heldout"


def ragged_clips(count: int, *, shortest: float = 2.0, longest: float = 20.0, seed: int = 0) -> list[Samples]:
    """``count`` mono 24 kHz clips of ``shortest`` to ``longest`` seconds, cut from the held-out recordings.

    A wanted length beyond a recording's own is filled with the next recordings.
    """
    recordings = [_read(path) for path in sorted(HELD_OUT.glob("*.flac"))]
    rng = np.random.default_rng(seed)
    clips = []
    for number in range(count):
        wanted = int(rng.uniform(shortest, longest) * SAMPLE_RATE)
        order = np.roll(np.arange(len(recordings)), -number)
        clips.append(np.concatenate([recordings[i] for i in order])[:wanted])
    return clips


def total_seconds(clips: list[Samples]) -> float:
    """Audio seconds of all clips together."""
    return sum(clip.size for clip in clips) / SAMPLE_RATE


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise ValueError(f"{path} is not mono at {SAMPLE_RATE} Hz")
    return np.asarray(samples, dtype=np.float32)
