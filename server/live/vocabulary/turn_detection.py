"""How a session is to find where turns of speech begin and end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """Times in seconds.

    Attributes:
        threshold: probability of speech from which somebody speaks.
        prefix_padding: a turn begins this long before the first speech.
        silence: nobody speaks for this long: the turn is over.
        idle: nobody speaks for this long since the last turn: that is told, again and again; None: it is not.
    """

    threshold: float = 0.5
    prefix_padding: float = 0.3
    silence: float = 0.5
    idle: float | None = None
