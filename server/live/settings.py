"""How live sessions are transcribed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

UpdateSeconds = Annotated[float, Field(gt=0, le=10)]
WindowSeconds = Annotated[float, Field(ge=10)]


class LiveSettings(BaseModel):
    """The same for all sessions of a server; times in seconds. Raises ValidationError for what makes no sense.

    Attributes:
        update: new speech that is waited for before the model is asked again.
        window: audio that the model hears at once; a longer window costs more per update and knows more.
        settle: a segment that ended this long before the end of the audio and stood still is taken for final.
        first_speech: speech that is listened to before its level is estimated and the first question asked.
        silence: nobody spoke for this long: what was said is final, and nothing is computed until somebody speaks.
        release: nobody spoke for this long: the session gives its memory on the device back.
        backlog: audio that may wait for the model before the client is slowed down.
        loop_guard: answers that run in circles are asked for again.
    """

    model_config = ConfigDict(frozen=True)

    update: UpdateSeconds = 1.0
    window: WindowSeconds = 30.0
    settle: float = 1.5
    first_speech: float = 1.0
    silence: float = 1.0
    release: float = 10.0
    backlog: float = 20.0
    loop_guard: bool = True

    @model_validator(mode="after")
    def _room_for_two_updates(self) -> Self:
        if self.backlog < 2 * self.update:
            raise ValueError("backlog must be two updates at least")
        return self


DEFAULT_LIVE = LiveSettings()
