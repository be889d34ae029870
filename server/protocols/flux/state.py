"""Where a turn is: Flux's state machine, a literal table of what follows what.

The stages of a session are those of ``/v1/listen``. A move that the table does not have is a bug of this server.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from server.protocols.deepgram.state import Machine


class Turn(Enum):
    """Of speech, as the client was told of it."""

    NONE = "none"
    """Nothing was said since the last turn."""
    ONGOING = "ongoing"
    """Somebody speaks, or may go on."""
    ENDING = "ending"
    """The end was announced."""


class TurnEvent(Enum):
    """What a client is told of a turn, by Flux's names. ``Update`` comes at any time and moves nothing."""

    START_OF_TURN = "StartOfTurn"
    EAGER_END_OF_TURN = "EagerEndOfTurn"
    TURN_RESUMED = "TurnResumed"
    END_OF_TURN = "EndOfTurn"


UPDATE = "Update"
"""Said of a turn that goes on as it was."""

TURNS: Mapping[Turn, Mapping[TurnEvent, Turn]] = {
    Turn.NONE: {
        TurnEvent.START_OF_TURN: Turn.ONGOING,
    },
    Turn.ONGOING: {
        TurnEvent.EAGER_END_OF_TURN: Turn.ENDING,
        TurnEvent.END_OF_TURN: Turn.NONE,
    },
    Turn.ENDING: {
        TurnEvent.TURN_RESUMED: Turn.ONGOING,
        TurnEvent.END_OF_TURN: Turn.NONE,
    },
}


class TurnState:
    """Of one session.

    Attributes:
        turn: see ``TURNS``.
        index: of the turn that is told, or of the next one.
    """

    def __init__(self, turn: Turn = Turn.NONE, index: int = 0) -> None:
        self._turn = Machine(TURNS, turn)
        self.index = index

    @property
    def turn(self) -> Turn:
        return self._turn.state

    def tell(self, event: TurnEvent) -> int:
        """Go where the table says. Returns the index of the turn that it is told of. Raises IllegalMove."""
        self._turn.move(event)
        index = self.index
        self.index += event is TurnEvent.END_OF_TURN
        return index
