"""The tables of a session: complete where anything may come, and closed where a move would be a bug."""

from __future__ import annotations

import pytest

from server.live.vocabulary.events import Finished
from server.live.vocabulary.protocol import SessionEnd
from server.protocols.deepgram.state import STAGES, TURNS, IllegalMove, Machine, Stage, StageMove, Turn, TurnMove
from tests.server.protocols.deepgram.conversation import Conversation


def test_every_state_has_a_row() -> None:
    assert set(STAGES) == set(Stage)
    assert set(TURNS) == set(Turn)


def test_the_server_may_end_a_session_at_any_stage_and_anything_may_happen_to_a_turn() -> None:
    assert all(moves[StageMove.ENDED] is Stage.CLOSED for moves in STAGES.values())
    assert all(set(moves) == set(TurnMove) for moves in TURNS.values())


def test_a_turn_that_was_told_while_somebody_speaks_was_the_one_before() -> None:
    turn = Machine(TURNS, Turn.QUIET)
    seen = []
    for move in (TurnMove.SPEECH_STARTED, TurnMove.SPEECH_STOPPED, TurnMove.SPEECH_STARTED, TurnMove.TOLD):
        turn.move(move)
        seen.append(turn.state)
    assert seen == [Turn.SPEAKING, Turn.ENDING, Turn.SPEAKING, Turn.SPEAKING]


@pytest.mark.parametrize(
    "moves",
    [
        [StageMove.FINISHED],
        [StageMove.CLOSE_STREAM, StageMove.CLOSE_STREAM],
        [StageMove.CLOSE_STREAM, StageMove.FINISHED, StageMove.FINISHED],
        [StageMove.ENDED, StageMove.CLOSE_STREAM],
    ],
)
def test_illegal_moves_are_raised(moves: list[StageMove]) -> None:
    machine = Machine(STAGES, Stage.OPEN)
    for move in moves[:-1]:
        machine.move(move)
    stage = machine.state
    with pytest.raises(IllegalMove, match=f"{moves[-1].name} while {stage.name}"):
        machine.move(moves[-1])
    assert machine.state is stage


def test_a_session_that_is_told_of_an_end_nobody_asked_for_says_so() -> None:
    with pytest.raises(IllegalMove):
        Conversation().hear(Finished(1.0))


def test_a_session_may_be_ended_while_its_last_message_is_still_being_read() -> None:
    talk = Conversation()
    talk.say("CloseStream")
    talk.finished(1.0)
    assert talk.session.ended(SessionEnd.TOO_LONG, "It is over.")
