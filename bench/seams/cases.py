"""Cases as lines of JSON: two windows in, the stitched segments out."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from server.transcript.fields import parse_seconds, parse_speaker
from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow
from server.transcript.stitching.stitcher import Stitcher


def _seconds(value: object) -> object:
    return parse_seconds(value) if isinstance(value, str) else value


def _speaker(value: object) -> object:
    return parse_speaker(value) if isinstance(value, str) else value


Seconds = Annotated[FiniteFloat, BeforeValidator(_seconds)]


class CaseSegment(BaseModel):
    """A segment as the model writes it; tags may lack a speaker."""

    start: Seconds = Field(alias="Start")
    end: Seconds = Field(alias="End")
    speaker: Annotated[int | None, BeforeValidator(_speaker)] = Field(None, alias="Speaker")
    content: str = Field(alias="Content")


class CaseWindow(BaseModel):
    """A window: ``start`` and ``end`` on the recording's clock, segments from the window's own start."""

    start: Seconds
    end: Seconds
    segments: list[CaseSegment]
    voices: dict[int, list[FiniteFloat]] | None = None

    def heard(self) -> HeardWindow:
        """As the stitcher takes it."""
        segments = (
            Segment(place, segment.start, segment.end, segment.speaker, text)
            for place, segment in enumerate(self.segments)
            if (text := segment.content.strip())
        )
        voices = {number: np.asarray(vector, np.float32) for number, vector in (self.voices or {}).items()}
        return HeardWindow(self.start, self.end, tuple(segments), voices)


class Case(BaseModel):
    """Two windows, the earlier one first."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    a: CaseWindow
    b: CaseWindow


def stitched(case: Case) -> list[Segment]:
    """Both windows as one transcript."""
    a, b = case.a.heard(), case.b.heard()
    stitcher = Stitcher(max(a.end - b.start, 0.0))
    return [*stitcher.add(a), *stitcher.add(b), *stitcher.finish()]


def answer(case: Case) -> dict[str, object]:
    """The line that goes out."""
    return {"id": case.id, "segments": [_shown(segment) for segment in stitched(case)]}


def _shown(segment: Segment) -> dict[str, object]:
    shown: dict[str, object] = {"Start": round(segment.start, 2), "End": round(segment.end, 2)}
    if segment.speaker is not None:
        shown["Speaker"] = segment.speaker
    return shown | {"Content": segment.text}
