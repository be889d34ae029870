"""How recordings are heard that are longer than one pass of the model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class WindowSettings(BaseModel):
    """How recordings are heard that are longer than one pass of the model."""

    window_minutes: float = Field(
        20.0,
        gt=0,
        description="Longest stretch of a recording that the model hears at once; longer ones are heard in windows, "
        "cut in silence. Less where model or memory hold less.",
    )
    speaker_continuity: Literal["introduced", "linked"] = Field(
        "introduced",
        description="How speakers keep their numbers: introduced puts a few words of everybody heard so far in front "
        "of the next window; linked hears windows side by side and compares their overlap and voices.",
    )
