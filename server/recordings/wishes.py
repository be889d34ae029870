"""What a caller wishes of a transcription, whichever protocol, job or command line it came by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.audio_in.listening import Listening


@dataclass(frozen=True, slots=True)
class KnownSpeaker:
    """Somebody whose voice is known. ``clip``: a file in any format that is read here, with 2 to 10 seconds of it."""

    name: str
    clip: bytes


class Chunking(StrEnum):
    """Whether a recording is heard at once."""

    AUTO = "auto"
    """In one pass where it fits a window, else in windows."""
    WHOLE = "whole"
    """At once, however long, where the model's context holds it."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one recording is to be transcribed.

    Attributes:
        context: what the prompt says beside the task, as `server.context.context_of` makes it.
        temperature: 0 takes the likeliest tokens; above, up to 1, they are drawn.
        logprobs: the transcript is to tell the log-probability of every token of its text.
        speakers: whom to call by their names; the names are different from each other.
        listening: how the file is to be heard.
        max_tokens: after which the answer is cut, where that is less than its budget.
        chunking: whether it is heard at once.
        urgent: it goes before others where not all can at once.
        background: it goes behind all others.
        instruction: what is asked in place of a transcription. The recording is heard at once, and the answer is text
            in the model's own words, over all of it.
        segment_seconds: of it that are encoded at once, at most; a multiple of the model's frames. None leaves it to
            the engine. In float32 it changes no token.
        segment_samples: the same in samples at the model's rate; where it is given, seconds are not.
        adapter: with which it is heard; None: by the checkpoint as it is.
    """

    context: str | None = None
    temperature: float = 0.0
    logprobs: bool = False
    speakers: tuple[KnownSpeaker, ...] = ()
    listening: Listening = Listening()  # noqa: RUF009 - frozen
    max_tokens: int | None = None
    urgent: bool = False
    chunking: Chunking = Chunking.AUTO
    background: bool = False
    adapter: str | None = None
    instruction: str | None = None
    segment_seconds: float | None = None
    segment_samples: int | None = None

    @property
    def whole(self) -> bool:
        """It is not to be heard in windows."""
        return self.chunking is Chunking.WHOLE or self.instruction is not None

    @property
    def told(self) -> str:
        """All that the prompt says by the caller's will."""
        return "\n\n".join(filter(None, (self.context, self.instruction)))
