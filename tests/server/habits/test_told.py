"""A stretch in which the model ran in circles is told: in notes, in a field of its own, in metrics."""

from __future__ import annotations

import pytest

from tests.server.habits.conftest import BAD_TURN, Habitual, assert_told, said
from tests.support.habits import Cure, Habit, command


@pytest.mark.parametrize(
    ("cure", "outcome"), [(Cure.TEMPERATURE, "retried"), (Cure.NEVER, "skipped")], ids=["retried", "skipped"]
)
def test_a_loop_is_told(server: Habitual, cure: Cure, outcome: str) -> None:
    def counted() -> float:
        return server.running.metric("asr_answer_loops_total", kind="words", outcome=outcome)

    before, thrown = counted(), server.running.metric("asr_loop_tokens_total")
    answer = server.post(command(Habit.WORDS, cure, turn=BAD_TURN)).json()
    assert_told(answer["text"], said(without=None if cure is Cure.TEMPERATURE else BAD_TURN)[:BAD_TURN])
    found, *others = answer["repetitions"]
    assert {(each["kind"], each["outcome"]) for each in (found, *others)} == {("words", outcome)}
    bad = answer["segments"][BAD_TURN]
    assert bad["start"] - 1 <= found["start"] <= found["end"]
    assert any(f"from {found['start']:.1f} to {found['end']:.1f} s" in note for note in answer["notes"])
    assert counted() == before + 1 + len(others)
    assert server.running.metric("asr_loop_tokens_total") > thrown


def test_where_nothing_loops_nothing_is_told(server: Habitual) -> None:
    answer = server.post("nothing special").json()
    assert "repetitions" not in answer
