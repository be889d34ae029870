"""How much one step of the model does."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator

from model.family import VIBEVOICE_ASR
from model.seam.steps import DEFAULT_STEPS, StepSizes
from server.engine.segments import UnevenSegment, segment_frames


class StepSettings(BaseModel):
    """How much one step of the model does."""

    max_rows: int = Field(DEFAULT_STEPS.max_rows, gt=0, description="Requests that are computed in one step at most.")
    prefill_positions: int = Field(
        DEFAULT_STEPS.prefill_positions,
        gt=0,
        description="Prompt positions per step; less answers running requests sooner, more starts new ones.",
    )
    encode_frames: int = Field(
        DEFAULT_STEPS.encode_frames,
        gt=0,
        description="Audio frames (7.5 per second) that are encoded per step over all requests.",
    )

    streaming_segment_duration: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Seconds of one recording that are encoded at once, at most, unless its request says otherwise: a "
        "multiple of 3200 samples at 24 kHz. By default what encode_frames have room for.",
    )

    @property
    def steps(self) -> StepSizes:
        """Raises ValueError for sizes that make no step."""
        return StepSizes(self.max_rows, self.prefill_positions, self.encode_frames)

    @field_validator("streaming_segment_duration")
    @classmethod
    def _whole_frames(cls, seconds: float | None) -> float | None:
        """Of the encoders, which all families share; the worker looks again at those of its checkpoint."""
        if seconds is not None:
            try:
                segment_frames(VIBEVOICE_ASR.geometry, seconds)
            except UnevenSegment as error:
                raise ValueError(error.message) from None
        return seconds

    @model_validator(mode="after")
    def _sizes_of_a_step(self) -> Self:
        _ = self.steps
        return self
