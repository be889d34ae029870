"""Windows: a habit in one of them costs what is said there, at most, and nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.habits.conftest import (
    LONG_SECONDS,
    LONG_TALK,
    LONG_WAV,
    MINUTES,
    Habitual,
    assert_sound,
    assert_told,
    habitual_server,
)
from tests.support.habits import Cure, Habit, command
from tests.support.speaking_runner import CHECKPOINT

WINDOWS = {True: 3, False: 3}
"""By whether voices are introduced, in the time of which less of the talk is heard."""
BAD_TURN = 2
"""In the first window, which ends some turns behind it."""
HABITS = [Habit.BLANK, Habit.CUT_WORD, Habit.SPEAKER_17, Habit.BEYOND, Habit.ECHO, Habit.WORDS, Habit.FROZEN]


@pytest.fixture(scope="module")
def linked() -> Iterator[Habitual]:
    with habitual_server(CHECKPOINT, window_minutes=MINUTES, speaker_continuity="linked") as habitual:
        yield habitual


@pytest.fixture(params=["introduced", "linked"])
def either(request: pytest.FixtureRequest) -> Habitual:
    """Voices are introduced in the real checkpoint's tokens."""
    found: Habitual = request.getfixturevalue("server" if request.param == "introduced" else "linked")
    return found


def test_the_honest_answer(either: Habitual) -> None:
    """Side by side an overlap of four seconds holds one turn: who is silent in it is somebody new, and in doubt."""
    answer = either.post("nothing special", LONG_WAV).json()
    segments = answer["segments"]
    introduced = either.running.service.settings.speaker_continuity == "introduced"
    assert answer["notes"][0] == f"The recording was heard in {WINDOWS[introduced]} windows."
    assert [segment["text"] for segment in segments] == [turn.text for turn in LONG_TALK]
    assert_sound(segments, LONG_SECONDS)
    labels = {(segment["speaker"], "AB"[turn.speaker or 0]) for segment, turn in zip(segments, LONG_TALK, strict=True)}
    assert {("A", "A"), ("B", "B")} <= labels
    names = {label for label, _ in labels}
    assert len(names) == len(labels), "nobody has another's label"
    doubtful = {segment["speaker"] for segment in segments if segment.get("speaker_in_doubt")}
    assert doubtful == names - {"A", "B"}
    assert len(doubtful) == len(answer["notes"]) - 1
    assert len(doubtful) <= (0 if introduced else WINDOWS[introduced] - 1)


@pytest.mark.parametrize("habit", HABITS)
def test_the_other_window_is_told(either: Habitual, habit: Habit) -> None:
    prompt = command(habit, Cure.NEVER, turn=BAD_TURN)
    answer = either.post(prompt, LONG_WAV).json()
    assert_told(answer["text"], [turn.text for turn in (*LONG_TALK[:BAD_TURN], *LONG_TALK[7:])])
    assert_sound(answer["segments"], LONG_SECONDS)
    events = either.stream(prompt, LONG_WAV)
    deltas = (event["delta"] for event in events if event["type"] == "transcript.text.delta")
    assert "".join(deltas) == events[-1]["text"] == answer["text"]
