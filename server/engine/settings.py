"""How the engine is run: limits of a step, limits of admission, patience with the worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.seam.steps import DEFAULT_STEPS, StepSizes


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Fixed for the life of an engine; times in seconds.

    Attributes:
        steps: what one step does at most.
        max_requests: requests in work or waiting.
        max_audio_seconds: audio of all requests in work or waiting.
        live_streams, live_seconds: so many live streams of so many seconds of audio find room beside files.
        segment_seconds: of one stream that are encoded at once, at most, where its own spec has no other; a multiple of
            the family's frames. None: what a step has room for.
        window_seconds: files that are longer come in windows of so much, one after the other; of use for what is told.
        kept_streams, kept_seconds: so many stay open, for so long, for the next turn of their conversation.
        step_seconds: what a step on a CPU should take at most; prompts come in smaller parts where it takes longer.
        worker_timeout: a worker that is silent for this long is killed, and so is one whose step takes so long, unless
            a tenth of that is what its steps have taken so far.
        load_timeout: a worker that does nothing at all for this long while it loads is killed.
        restart_delay: before the first new worker; doubled for each further death up to ``restart_delay_max``. A
            worker that was ready for longer than that maximum starts the count anew, and so does a cause that is found.
        max_failed_starts: workers in a row that die before they are ready; then the engine gives up.
        stop_grace: a worker that is asked to stop and has not is killed after this time.
        kill_grace: a worker that was killed and is still there after this time hangs in its driver: no other can be
            had.
        log_level, log_format: of the worker's log on standard error; see ``server.logs``.
    """

    steps: StepSizes = DEFAULT_STEPS
    max_requests: int = 128
    max_audio_seconds: float = 14_400.0
    live_streams: int = 0
    live_seconds: float = 0.0
    segment_seconds: float | None = None
    window_seconds: float = float("inf")
    kept_streams: int = 0
    kept_seconds: float = 600.0
    step_seconds: float = 5.0
    worker_timeout: float = 30.0
    load_timeout: float = 60.0
    restart_delay: float = 0.5
    restart_delay_max: float = 30.0
    max_failed_starts: int = 5
    stop_grace: float = 5.0
    kill_grace: float = 60.0
    log_level: str = "info"
    log_format: Literal["console", "json"] = "console"
