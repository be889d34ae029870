"""How large the next steps may be, by how long the last ones took: on a CPU a full step of a large model is minutes.

Without a clock: the loop measures. Only the share of a full step changes, never what a request is answered in fp32.
"""

from __future__ import annotations

from model.seam.steps import StepPlan
from server.engine.settings import EngineSettings

_LEAST = 1 / 64
"""Smaller steps would not be faster: every step reads all weights."""
_GROWTH = 2.0
"""A step may be so much larger than the one before it."""
_TELLING = 0.5
"""A step that used less than so much of its share tells nothing of how long a whole one would take."""


class Pace:
    """``share``: part of a full step that the next one may be."""

    def __init__(self, settings: EngineSettings) -> None:
        """``settings.step_seconds`` is what a step should take at most."""
        self._settings = settings
        self.share = 1.0

    def begin(self, plan: StepPlan, seconds: float) -> None:
        """Estimate the share from one step of any size, before anything else is known."""
        self.share = self._bounded(self._fitting(plan, seconds))

    def after(self, plan: StepPlan, seconds: float) -> float:
        """The share after a step of that plan has taken so long."""
        fitting = self._fitting(plan, seconds)
        if seconds > self._settings.step_seconds and self._prompts(plan):
            self.share = self._bounded(min(fitting, self.share))
        elif self._used(plan) >= _TELLING * self.share:
            self.share = self._bounded(min(fitting, _GROWTH * self.share))
        return self.share

    def _fitting(self, plan: StepPlan, seconds: float) -> float:
        """The share with which a step would take just as long as it should."""
        return self._used(plan) * self._settings.step_seconds / max(seconds, 1e-9)

    def _used(self, plan: StepPlan) -> float:
        """Part of a full step that a plan is."""
        positions = sum(row.positions for row in plan.rows)
        frames = len(plan.encode) * max((work.frames for work in plan.encode), default=0)
        return max(positions / self._settings.steps.prefill_positions, frames / self._settings.steps.encode_frames)

    @staticmethod
    def _prompts(plan: StepPlan) -> bool:
        """Whether there is anything that could have been less: rows that decode have one position each."""
        return bool(plan.encode) or any(row.positions > 1 for row in plan.rows)

    @staticmethod
    def _bounded(share: float) -> float:
        return min(1.0, max(_LEAST, share))
