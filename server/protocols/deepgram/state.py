"""Where a session is, and the turn of a channel in it: two machines, each a literal table of what follows what.

A move that its table does not have is a bug of this server, not of a client: whatever a client sends, and in whatever
order the session's two sides come to speak, there is a row for it, or the session does not ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Generic, TypeVar

S = TypeVar("S", bound=Enum)
M = TypeVar("M", bound=Enum)


class Stage(Enum):
    """Of a session."""

    OPEN = auto()
    """The client is heard."""
    FINISHING = auto()
    """The client said that no more audio comes; what it had said before is being transcribed."""
    CLOSED = auto()
    """The last message was sent."""


class StageMove(Enum):
    """What takes a session to another stage."""

    CLOSE_STREAM = auto()
    """The client has no more audio."""
    FINISHED = auto()
    """All audio was transcribed."""
    ENDED = auto()
    """The server ends the session: at any time, also while a slow client has yet to read the last message."""


class Turn(Enum):
    """Of speech on a channel: the one that is heard, or whose end is yet to be told."""

    QUIET = auto()
    """Nothing was said since the last turn."""
    SPEAKING = auto()
    """Somebody speaks."""
    ENDING = auto()
    """Something was said, and nobody speaks any more."""


class TurnMove(Enum):
    """What happens to a turn. Words come later than the speech they are of, and any number of times."""

    SPEECH_STARTED = auto()
    SPEECH_STOPPED = auto()
    WORDS = auto()
    """A segment of speech became final."""
    TOLD = auto()
    """The client was told that a turn is over. If somebody speaks, it was the one before."""


STAGES: Mapping[Stage, Mapping[StageMove, Stage]] = {
    Stage.OPEN: {
        StageMove.CLOSE_STREAM: Stage.FINISHING,
        StageMove.ENDED: Stage.CLOSED,
    },
    Stage.FINISHING: {
        StageMove.FINISHED: Stage.CLOSED,
        StageMove.ENDED: Stage.CLOSED,
    },
    Stage.CLOSED: {
        StageMove.ENDED: Stage.CLOSED,
    },
}

TURNS: Mapping[Turn, Mapping[TurnMove, Turn]] = {
    Turn.QUIET: {
        TurnMove.SPEECH_STARTED: Turn.SPEAKING,
        TurnMove.SPEECH_STOPPED: Turn.QUIET,
        TurnMove.WORDS: Turn.ENDING,
        TurnMove.TOLD: Turn.QUIET,
    },
    Turn.SPEAKING: {
        TurnMove.SPEECH_STARTED: Turn.SPEAKING,
        TurnMove.SPEECH_STOPPED: Turn.ENDING,
        TurnMove.WORDS: Turn.SPEAKING,
        TurnMove.TOLD: Turn.SPEAKING,
    },
    Turn.ENDING: {
        TurnMove.SPEECH_STARTED: Turn.SPEAKING,
        TurnMove.SPEECH_STOPPED: Turn.ENDING,
        TurnMove.WORDS: Turn.ENDING,
        TurnMove.TOLD: Turn.QUIET,
    },
}


class IllegalMove(Exception):  # noqa: N818 - it is the move that is illegal
    """The table has no such move."""


class Machine(Generic[S, M]):
    """Where one of the tables is.

    Attributes:
        state: the present one.
    """

    def __init__(self, table: Mapping[S, Mapping[M, S]], state: S) -> None:
        self.state = state
        self._table = table

    def move(self, move: M) -> None:
        """Go where the table says. Raises IllegalMove."""
        moves = self._table[self.state]
        if move not in moves:
            raise IllegalMove(f"{move.name} while {self.state.name}")
        self.state = moves[move]
