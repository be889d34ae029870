"""What the step loop counts, step by step, in plain integers."""

from __future__ import annotations

from model.seam.steps import Emitted, StepPlan
from server.engine.figures import ROWS, STEP_SECONDS, Tally, WorkDone


class WorkTally:
    """Counts what becomes `WorkDone`. Times by the worker's clock, in seconds.

    Attributes:
        steps: that were read.
        busy_seconds: spent launching steps and waiting for them.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.busy_seconds = 0.0
        self._encoded_frames = self._positions = self._guessed = self._accepted = 0
        self._step_seconds, self._rows = Tally(STEP_SECONDS), Tally(ROWS)
        self._read_at = float("-inf")

    def launched(self, plan: StepPlan) -> None:
        """A step was started."""
        self._encoded_frames += sum(work.frames for work in plan.encode)
        self._positions += sum(work.positions for work in plan.rows)

    def read(self, *, rows: int, launched_at: float, now: float) -> None:
        """A step was read whole."""
        self.steps += 1
        self._step_seconds.add(now - max(launched_at, self._read_at))
        self._read_at = now
        if rows:
            self._rows.add(rows)

    def emitted(self, emitted: Emitted) -> None:
        """What came out of one of its rows."""
        self._guessed += emitted.guessed
        self._accepted += len(emitted.tokens) - 1

    def so_far(self, answer_tokens: int, preemptions: int) -> WorkDone:
        """All of it; what happens to streams is counted by whoever has them."""
        return WorkDone(
            steps=self.steps,
            busy_seconds=self.busy_seconds,
            encoded_frames=self._encoded_frames,
            positions=self._positions,
            answer_tokens=answer_tokens,
            guessed_tokens=self._guessed,
            accepted_tokens=self._accepted,
            preemptions=preemptions,
            step_seconds=self._step_seconds.distribution,
            rows=self._rows.distribution,
        )
