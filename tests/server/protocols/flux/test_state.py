"""Flux's table: what may follow what."""

from __future__ import annotations

import pytest

from server.protocols.deepgram.state import IllegalMove
from server.protocols.flux.state import TURNS, Turn, TurnEvent, TurnState

START, EAGER, RESUMED, END = TurnEvent


def test_the_table_is_the_one_that_clients_know() -> None:
    assert set(TURNS) == set(Turn)
    assert {state: set(moves) for state, moves in TURNS.items()} == {
        Turn.NONE: {START},
        Turn.ONGOING: {EAGER, END},
        Turn.ENDING: {RESUMED, END},
    }


def test_the_index_grows_behind_an_end() -> None:
    state = TurnState()
    told = [state.tell(event) for event in (START, EAGER, RESUMED, END, START, END, START)]
    assert told == [0, 0, 0, 0, 1, 1, 2]
    assert state.index == 2


@pytest.mark.parametrize(
    "moves", [[END], [EAGER], [START, START], [START, RESUMED], [START, EAGER, EAGER], [START, END, END]]
)
def test_illegal_moves_are_raised(moves: list[TurnEvent]) -> None:
    state = TurnState()
    for move in moves[:-1]:
        state.tell(move)
    with pytest.raises(IllegalMove):
        state.tell(moves[-1])
