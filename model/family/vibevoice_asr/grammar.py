"""Answers of VibeVoice-ASR: ``[{"Start":0,"End":15.43,"Speaker":0,"Content":"..."},...]``. No torch.

The spelling is that of the labels it was trained on: no blanks, times rounded to hundredths and without a trailing
zero, characters as they are, no speaker where nobody speaks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from model.family.vibevoice_asr.outline import JsonOutline

HEADER = "assistant\n"
"""The model writes it behind ``<|im_start|>``, unless it is forced."""


@dataclass(frozen=True, slots=True)
class JsonGrammar:
    """See ``model.family.Grammar``."""

    @property
    def header(self) -> str:
        return HEADER

    @property
    def lead(self) -> str:
        return '{"Start":'

    def segment(self, start: float, end: float, speaker: int | None, text: str) -> str:
        """See Grammar."""
        entry: dict[str, object] = {"Start": round(start, 2), "End": round(end, 2)}
        if speaker is not None:
            entry["Speaker"] = speaker
        return json.dumps(entry | {"Content": text}, ensure_ascii=False, separators=(",", ":"))

    def begun(self, start: float) -> str:
        """See Grammar."""
        return f'{{"Start":{json.dumps(round(start, 2))},"End":'

    def opening(self, segments: Iterable[str]) -> str:
        """See Grammar."""
        joined = ",".join(segments)
        return f"[{joined}" if joined else ""

    def outline(self) -> JsonOutline:
        """See Grammar."""
        return JsonOutline(HEADER)
