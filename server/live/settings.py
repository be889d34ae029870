"""How live sessions are transcribed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The same for all sessions of a server; times in seconds.

    Attributes:
        update: new speech that is waited for before the model is asked again.
        window: audio that the model hears at once; a longer window costs more per update and knows more.
        settle: a segment that ended this long before the end of the audio and stood still is taken for final.
        first_speech: speech that is listened to before its level is estimated and the first question asked.
        silence: nobody spoke for this long: what was said is final, and nothing is computed until somebody speaks.
        release: nobody spoke for this long: the session gives its memory on the device back.
        backlog: audio that may wait for the model before the client is slowed down.
    """

    update: float = 1.0
    window: float = 30.0
    settle: float = 1.5
    first_speech: float = 1.0
    silence: float = 1.0
    release: float = 10.0
    backlog: float = 20.0

    def __post_init__(self) -> None:
        if self.update <= 0 or self.window < 10 or self.backlog < 2 * self.update:
            raise ValueError("live settings: update must be positive, window 10 s at least, backlog two updates")
