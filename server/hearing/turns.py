"""How answers are read of a model that writes them by turns with the audio."""

from __future__ import annotations

from typing import cast

from model.family import Family
from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from server.transcript.turn_reader import TurnForm


def turn_form(family: Family) -> TurnForm | None:
    """Of its answers; None where they come behind all of the audio."""
    if family.turns is None:
        return None
    windows = cast(WindowGeometry, family.geometry)
    rate = windows.sample_rate
    return TurnForm(family.turns.end, windows.stride / rate, (windows.window - windows.stride) / rate)
