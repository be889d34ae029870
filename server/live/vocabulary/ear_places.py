"""Where the searches for speech and for turns stand, for a session that goes on elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnPlace:
    """Where the search for turns stands, in seconds of the session.

    Attributes:
        at: all audio before was searched, and what was found was told.
        speaking: a turn is open.
        run: frames of the speech that may become a turn, or of the quiet that may end one.
        last_end: of the last turn.
        idle_since: nobody has begun to speak since then.
    """

    at: float
    speaking: bool
    run: int
    last_end: float
    idle_since: float


@dataclass(frozen=True, slots=True)
class GatePlace:
    """Where the search for speech stands that lets audio pass to the model.

    Attributes:
        at: all audio before was searched, in seconds of the session.
        speaking: what comes passes.
        run: frames of the speech that may open the gate, or of the quiet that may close it.
        quiet: seconds since somebody spoke last.
        resting: nobody has spoken for so long that the session rests.
    """

    at: float
    speaking: bool
    run: int
    quiet: float
    resting: bool
