"""How many replicas there should be: as many as what waits for them calls for."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any, Protocol

QUEUED, SESSIONS = "queued_audio_seconds", "live_sessions"
"""What every replica tells of itself: seconds of audio in work and waiting, and live sessions."""


class ScalingContext(Protocol):
    """What of Ray's ``AutoscalingContext`` is looked at: each number of every replica."""

    @property
    def aggregated_metrics(self) -> Mapping[str, Mapping[Any, float]] | None: ...


class WantedReplicas:
    """Ray's autoscaling policy; Ray keeps what it says within the bounds and waits before it does it.

    Args:
        audio_seconds: queued audio for each replica.
        sessions: live sessions for each.
    """

    def __init__(self, audio_seconds: float, sessions: float) -> None:
        self._shares = {QUEUED: audio_seconds, SESSIONS: sessions}

    def __call__(self, context: ScalingContext) -> tuple[int, dict[str, Any]]:
        """Returns how many replicas there should be, and nothing to remember."""
        numbers = context.aggregated_metrics or {}
        wanted = (ceil(sum(numbers.get(name, {}).values()) / share) for name, share in self._shares.items())
        return max(1, *wanted), {}
