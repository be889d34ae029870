"""How a session is to find where turns of speech begin and end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pauses:
    """Silences inside of a turn that are told before its end, in seconds.

    In the first of them the model is asked about all that was heard, and nothing is committed for it.

    Attributes:
        looks: nobody speaks for one of these: ``SpeechPaused`` says so.
        finished: nobody speaks for this long, and the words heard so far end a sentence: the turn is over.
    """

    looks: tuple[float, ...]
    finished: float

    @property
    def lengths(self) -> tuple[float, ...]:
        """All silences that something may come of, the shortest first."""
        return tuple(sorted({*self.looks, self.finished}))


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """Times in seconds.

    Attributes:
        threshold: probability of speech from which somebody speaks.
        prefix_padding: a turn begins this long before the first speech.
        silence: nobody speaks for this long: the turn is over, whatever was said.
        idle: nobody speaks for this long since the last turn: that is told, again and again; None: it is not.
        pauses: shorter silences that are told, or end a turn by what was said in it; None for none.
    """

    threshold: float = 0.5
    prefix_padding: float = 0.3
    silence: float = 0.5
    idle: float | None = None
    pauses: Pauses | None = None
