"""How answers are written where a request does not say, and what is done about bad ones."""

from __future__ import annotations

from pydantic import BaseModel, Field


class AnswerSettings(BaseModel):
    """How answers are written where a request does not say, and what is done about bad ones."""

    tag_audio_events: bool | None = Field(
        None,
        description="true or false: whether answers about files have sounds that are not speech, such as [Music], "
        "where a request does not say; by default only verbose_json has them.",
    )
    loop_guard: bool = Field(
        True,
        description="Find answers that run in circles while they are written, ask for them again from there, and leave "
        "out what cannot be understood.",
    )
