"""From what a setting says to a voice encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model.voices import CAMPPLUS, GE2E
from server.voices.encoder import VoiceEncoder
from server.voices.onnx_encoder import OnnxVoiceEncoder

BUNDLED: Final = {"ge2e": GE2E, "campplus": CAMPPLUS}
NONE: Final = "none"


def open_voice_encoder(name: str) -> VoiceEncoder | None:
    """``name``: "ge2e" or "campplus" for a bundled one, "none", or a file. Takes some tenths of a second.

    Raises UnusableVoiceEncoder.
    """
    if name == NONE:
        return None
    return OnnxVoiceEncoder(BUNDLED.get(name) or Path(name))
