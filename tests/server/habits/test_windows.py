"""Windows: a habit in one of them costs what is said there, at most, and nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.habits.conftest import SECONDS, TALK, Habitual, assert_sound, assert_told, habitual_server, said
from tests.support.habits import Habit, command
from tests.support.snapshot import snapshot

BAD_TURN = 1
"""In the first window, which ends behind it."""
HABITS = [Habit.BLANK, Habit.CUT_WORD, Habit.CUT_NUMBER, Habit.SPEAKER_17, Habit.BEYOND, Habit.BACKWARDS, Habit.ECHO]


@pytest.fixture(scope="module", params=["introduced", "linked"])
def server(request: pytest.FixtureRequest) -> Iterator[Habitual]:
    with habitual_server(snapshot(), window_minutes=0.14, speaker_continuity=request.param) as habitual:
        yield habitual


def test_the_honest_answer(server: Habitual) -> None:
    segments = server.post("nothing special").json()["segments"]
    assert [segment["text"] for segment in segments] == [turn.text for turn in TALK]
    assert [segment["speaker"] for segment in segments] == ["AB"[turn.speaker] for turn in TALK]


@pytest.mark.parametrize("habit", HABITS)
def test_the_other_windows_are_told(server: Habitual, habit: Habit) -> None:
    prompt = command(habit, turn=BAD_TURN)
    answer = server.post(prompt).json()
    assert_told(answer["text"], [said()[0], *said()[3:]])
    assert_sound(answer["segments"], SECONDS)
    events = server.stream(prompt)
    deltas = (event["delta"] for event in events if event["type"] == "transcript.text.delta")
    assert "".join(deltas) == events[-1]["text"] == answer["text"]
