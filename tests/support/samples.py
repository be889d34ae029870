"""The recordings that come with the tiny checkpoint, and what is said in them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]

from tests.support.processes import ROOT

SAMPLES = ROOT / "model" / "tiny" / "samples"
SHORT = SAMPLES / "short.flac"
TWO_SPEAKERS = SAMPLES / "two_speakers.flac"
HELD_OUT = ROOT / "model" / "tiny" / "heldout"
"""By voices that training never heard."""


def truth(recording: Path) -> list[dict[str, Any]]:
    """The turns of a sample as the model would write them at best: Start, End, Speaker, Content."""
    turns: list[dict[str, Any]] = json.loads(recording.with_suffix(".json").read_text())
    return turns


def excerpts(count: int, *, shortest: float, longest: float) -> list[bytes]:
    """WAV files of ``shortest`` to ``longest`` seconds, each longer than the last: held-out speech, no two alike."""
    recordings = [soundfile.read(path, dtype="float32") for path in sorted(HELD_OUT.glob("*.flac"))]
    made = []
    for number, seconds in enumerate(np.linspace(shortest, longest, count)):
        (samples, rate), (more, _) = (recordings[place % len(recordings)] for place in (number, number + 1))
        file = io.BytesIO()
        soundfile.write(file, np.concatenate((samples, more))[: int(seconds * rate)], rate, format="WAV")
        made.append(file.getvalue())
    return made
