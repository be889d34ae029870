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
DIALOGUE, ANOTHER_DIALOGUE = HELD_OUT / "brief_12.flac", HELD_OUT / "brief_13.flac"
"""Two people each."""
_LABELS = {"Start": "start", "End": "end", "Speaker": "speaker", "Content": "text"}


def truth(recording: Path) -> list[dict[str, Any]]:
    """The turns of a sample or a held-out recording as the model would write them: Start, End, Speaker, Content."""
    if recording.parent == HELD_OUT:
        references: dict[str, list[dict[str, Any]]] = json.loads((HELD_OUT / "references.json").read_text())
        return references[recording.name]
    turns: list[dict[str, Any]] = json.loads(recording.with_suffix(".json").read_text())
    return turns


def lesson(recording: Path) -> dict[str, Any]:
    """What there is to learn from a recording, as a line of what the fine-tuning command reads."""
    segments = [{_LABELS[key]: value for key, value in turn.items()} for turn in truth(recording)]
    return {"audio": str(recording), "segments": segments}


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
