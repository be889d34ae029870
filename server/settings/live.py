"""How live sessions run, and what one may cost."""

from __future__ import annotations

from pydantic import BaseModel, Field

from server.live.settings import DEFAULT_LIVE, LiveSettings, UpdateSeconds, WindowSeconds


class SessionSettings(BaseModel):
    """How live sessions run, and what one may cost."""

    max_live_sessions: int = Field(32, gt=0, description="Live sessions at once; more are answered with 429.")
    live_update_seconds: UpdateSeconds = Field(
        DEFAULT_LIVE.update, description="New speech after which the text of a live session is brought up to date."
    )
    live_window_seconds: WindowSeconds = Field(
        DEFAULT_LIVE.window,
        description="Audio that the model hears at once; more costs more per update and gives it more context.",
    )
    live_idle_seconds: float = Field(
        60.0, gt=0, description="A live session ends when its client sends nothing for this long."
    )
    live_send_seconds: float = Field(
        20.0, gt=0, description="A live session ends when its client does not read what it is sent for this long."
    )
    live_max_seconds: float = Field(14_400.0, gt=0, description="Longest live session.")

    @property
    def live(self) -> LiveSettings:
        """How sessions are transcribed."""
        return LiveSettings(update=self.live_update_seconds, window=self.live_window_seconds)
