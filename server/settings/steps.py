"""How much one step of the model does."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator

from model.seam.steps import DEFAULT_STEPS, StepSizes


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

    @property
    def steps(self) -> StepSizes:
        """Raises ValueError for sizes that make no step."""
        return StepSizes(self.max_rows, self.prefill_positions, self.encode_frames)

    @model_validator(mode="after")
    def _sizes_of_a_step(self) -> Self:
        _ = self.steps
        return self
