"""Everything that may go wrong with a recording, for callers who have to tell somebody.

What was sent is at fault: `AudioError`, `UnusableReference`, `ContextTooLong`, `NotOfThisModel`, `UnevenSegment`. The
server cannot now: `Overloaded`, `BudgetSpent`, `EngineUnavailable`, `DecodeStopped`, `DecoderFailed`. The answer did
not come to its end: `EngineError`, or in time: `DeadlineExceeded`.
"""

from __future__ import annotations

from server.audio_in.errors import AudioError, AudioErrorCode, DecoderFailed, DecodeStopped
from server.context import ContextTooLong
from server.engine.client.admission import Overloaded
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.segments import UnevenSegment
from server.recordings.deadline import DeadlineExceeded
from server.resources import BudgetSpent

__all__ = [
    "AudioError",
    "BudgetSpent",
    "ContextTooLong",
    "DeadlineExceeded",
    "DecodeStopped",
    "DecoderFailed",
    "EngineError",
    "EngineUnavailable",
    "NotOfThisModel",
    "Overloaded",
    "UnevenSegment",
    "UnusableReference",
]


class NotOfThisModel(Exception):  # noqa: N818 - as the others are named
    """Something that checkpoints of this family cannot do. ``message`` is fit for the client's eyes."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnusableReference(Exception):  # noqa: N818 - as the others are named
    """A known speaker's clip that cannot be used. ``message`` is fit for the client's eyes.

    ``code``: what is wrong with it as audio; None where it only has a wrong length.
    """

    def __init__(self, message: str, code: AudioErrorCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
