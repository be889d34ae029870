"""What is done about answers that are no good."""

from __future__ import annotations

from pydantic import BaseModel, Field


class AnswerSettings(BaseModel):
    """What is done about answers that are no good."""

    loop_guard: bool = Field(
        True,
        description="Find answers that run in circles while they are written, ask for them again from there, and leave "
        "out what cannot be understood.",
    )
