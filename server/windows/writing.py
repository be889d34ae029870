"""Segments written as the model writes them, for answers that are made to begin with them."""

from __future__ import annotations

import json
from collections.abc import Iterable


def segment_json(start: float, end: float, speaker: int | None, text: str) -> str:
    """A segment as an object of the model's answer: no blanks, times in seconds to a hundredth."""
    entry: dict[str, object] = {"Start": round(start, 2), "End": round(end, 2)}
    if speaker is not None:
        entry["Speaker"] = speaker
    return json.dumps(entry | {"Content": text}, ensure_ascii=False, separators=(",", ":"))


def opening(objects: Iterable[str]) -> str:
    """The beginning of an answer that has these objects; nothing without any."""
    listed = ",".join(objects)
    return f"[{listed}" if listed else ""
