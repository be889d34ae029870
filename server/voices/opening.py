"""From what a setting says to a voice encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model.voices import GE2E
from server.voices.encoder import VoiceEncoder
from server.voices.onnx_encoder import OnnxVoiceEncoder

BUNDLED: Final = "ge2e"
NONE: Final = "none"


def open_voice_encoder(name: str) -> VoiceEncoder | None:
    """``name``: "ge2e" for the bundled one, "none", or a file. Takes some tenths of a second.

    Raises UnusableVoiceEncoder.
    """
    if name == NONE:
        return None
    return OnnxVoiceEncoder(GE2E if name == BUNDLED else Path(name))
