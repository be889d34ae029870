"""How the engine is run: limits of a step, limits of admission, patience with the worker process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from model.seam.steps import StepSizes


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Fixed for the life of an engine; times in seconds.

    Attributes:
        max_rows: streams that run at once, and therefore rows of a step.
        prefill_positions: prompt positions per step over all streams. Less answers running streams sooner, more
            starts new ones sooner. At least ``max_rows``, so that every stream can advance in every step.
        encode_frames: audio frames (7.5 per second) per step over all streams, padding of the batch included.
        max_requests: requests in work or waiting.
        max_audio_seconds: audio of all requests in work or waiting.
        heartbeat_timeout: a worker with streams that is silent for this long is killed. Longer than the longest step.
        step_seconds: what a step on a CPU should take at most; prompts come in smaller parts where it takes longer.
        step_patience: a step on a CPU that takes longer than this is taken for one that hangs.
        restart_delay: before the first new worker; doubled for each further death up to ``restart_delay_max``. A
            worker that was ready for longer than that maximum starts the count anew.
        max_failed_starts: workers in a row that die before they are ready; then the engine gives up.
        stop_grace: a worker that is asked to stop and has not is killed after this time.
        log_level, log_format: of the worker's log on standard error; see ``server.logs``.
    """

    max_rows: int = 32
    prefill_positions: int = 2048
    encode_frames: int = 150
    max_requests: int = 128
    max_audio_seconds: float = 14_400.0
    heartbeat_timeout: float = 60.0
    step_seconds: float = 5.0
    step_patience: float = 600.0
    restart_delay: float = 0.5
    restart_delay_max: float = 30.0
    max_failed_starts: int = 5
    stop_grace: float = 5.0
    log_level: str = "info"
    log_format: Literal["console", "json"] = "console"

    def within(self, largest: StepSizes | None) -> EngineSettings:
        """These settings, with steps no larger than that."""
        if largest is None:
            return self
        return replace(
            self,
            max_rows=min(self.max_rows, largest.max_rows),
            prefill_positions=min(self.prefill_positions, largest.prefill_positions),
            encode_frames=min(self.encode_frames, largest.encode_frames),
        )

    def __post_init__(self) -> None:
        if self.max_rows < 1 or self.encode_frames < 1:
            raise ValueError("max_rows and encode_frames must be at least 1")
        if self.prefill_positions < self.max_rows:
            raise ValueError(
                f"prefill_positions ({self.prefill_positions}) must not be less than max_rows ({self.max_rows})"
            )
