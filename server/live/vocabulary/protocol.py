"""What every session protocol is: a state machine without a socket and without a clock."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

from server.live.vocabulary.actions import Action
from server.live.vocabulary.events import LiveEvent


class SessionEnd(StrEnum):
    """Why the server ends a session."""

    ENGINE_FAILED = "engine_failed"
    """The worker died or failed on this session."""
    SHUTTING_DOWN = "shutting_down"
    IDLE = "idle"
    """Nothing came from the client for too long."""
    TOO_LONG = "too_long"
    """The longest session was reached."""
    TOO_SLOW = "too_slow"
    """The client does not read what it is sent."""
    BAD_AUDIO = "bad_audio"
    """The audio cannot be decoded."""
    LIMIT_REACHED = "rate_limit_exceeded"
    """The client's key has no more audio left for now."""


Message = TypeVar("Message")
"""What a protocol makes of a frame."""


class LiveProtocol(Protocol[Message]):
    """One session of one client. Methods return what is to be done, in order. Bad input is answered, not raised."""

    def opened(self) -> Sequence[Action]:
        """The connection was accepted."""
        ...

    def read(self, frame: str | bytes) -> Message:
        """A text or binary frame, as ``received`` takes it: all that is slow about it, and nothing about the session.

        For a large text frame it is called in a thread, while the session goes on; in pieces, so that it lets others
        have Python's lock.
        """
        ...

    def received(self, message: Message) -> Sequence[Action]:
        """A frame came, and was read."""
        ...

    def heard(self, event: LiveEvent) -> Sequence[Action]:
        """The session says something."""
        ...

    def ended(self, why: SessionEnd, message: str) -> Sequence[Action]:
        """The server ends the session; the last action returned is a Close. ``message`` is fit for the client."""
        ...
