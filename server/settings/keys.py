"""What each key may have."""

from __future__ import annotations

from pydantic import BaseModel, Field

from server.http.auth.keys import KeyLimits


class KeySettings(BaseModel):
    """What each key may have where its line in the key file does not say otherwise; without keys, all callers."""

    key_max_requests: int | None = Field(
        None, gt=0, description="Requests with recordings at once; unlimited by default."
    )
    key_max_live_sessions: int | None = Field(None, gt=0, description="Live sessions at once; unlimited by default.")
    key_audio_seconds_per_minute: float | None = Field(
        None, gt=0, description="Audio of recordings and live sessions; unlimited by default."
    )

    @property
    def key_limits(self) -> KeyLimits:
        """The three together."""
        return KeyLimits(self.key_max_requests, self.key_max_live_sessions, self.key_audio_seconds_per_minute)
