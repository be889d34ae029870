"""How answers are written where a request does not say."""

from __future__ import annotations

from pydantic import BaseModel, Field


class AnswerSettings(BaseModel):
    """How answers are written where a request does not say."""

    tag_audio_events: bool | None = Field(
        None,
        description="true or false: whether answers tell of sounds that are no speech, such as [Music], where a "
        "request does not say; by default verbose_json does and no other format.",
    )
