"""The recordings that ship beside the tiny checkpoint, and what is said in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT

SAMPLES = ROOT / "model" / "tiny" / "samples"
SHORT = SAMPLES / "short.flac"
TWO_SPEAKERS = SAMPLES / "two_speakers.flac"


def truth(recording: Path) -> list[dict[str, Any]]:
    """The turns of a sample as the model would write them at best: Start, End, Speaker, Content."""
    turns: list[dict[str, Any]] = json.loads(recording.with_suffix(".json").read_text())
    return turns
