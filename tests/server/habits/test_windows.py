"""Windows: a habit in one of them costs what is said there, at most, and nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model.seam.audio import SAMPLE_RATE
from tests.server.habits.conftest import TALK, Habitual, assert_sound, assert_told, habitual_server
from tests.support.habits import Cure, Habit, command
from tests.support.speaking_runner import CHECKPOINT
from tests.support.talks import Said, audio_of, wav_of

LONG_TALK = (
    *TALK,
    Said(0, "Then let us look at the numbers first."),
    Said(1, "The red line shows what came in during April."),
    Said(0, "And where do I find everything that went out?"),
    Said(1, "On page seven, below the photograph."),
    Said(0, "Thank you, that is all I wanted to know."),
    Said(1, "Until Thursday, and give my best to your mother."),
)
AUDIO = audio_of(LONG_TALK)
WAV = wav_of(AUDIO)
SECONDS = AUDIO.size / SAMPLE_RATE
MINUTES = 0.28
"""Windows of less than seventeen seconds."""
BAD_TURN = 2
"""In the first window, which ends some turns behind it."""
HABITS = [Habit.BLANK, Habit.CUT_WORD, Habit.SPEAKER_17, Habit.BEYOND, Habit.ECHO, Habit.WORDS, Habit.FROZEN]


@pytest.fixture(scope="module", params=["introduced", "linked"])
def server(request: pytest.FixtureRequest) -> Iterator[Habitual]:
    settings = {"window_minutes": MINUTES, "speaker_continuity": request.param}
    with habitual_server(CHECKPOINT, talk=LONG_TALK, **settings) as habitual:
        yield habitual


def test_the_honest_answer(server: Habitual) -> None:
    answer = server.post("nothing special", WAV).json()
    assert "windows" in answer["notes"][0]
    assert [segment["text"] for segment in answer["segments"]] == [turn.text for turn in LONG_TALK]
    if len(answer["notes"]) == 1:  # otherwise it says that nothing told who somebody is
        assert [segment["speaker"] for segment in answer["segments"]] == ["AB"[turn.speaker] for turn in LONG_TALK]


@pytest.mark.parametrize("habit", HABITS)
def test_the_other_window_is_told(server: Habitual, habit: Habit) -> None:
    prompt = command(habit, Cure.NEVER, turn=BAD_TURN)
    answer = server.post(prompt, WAV).json()
    assert_told(answer["text"], [turn.text for turn in (*LONG_TALK[:BAD_TURN], *LONG_TALK[7:])])
    assert_sound(answer["segments"], SECONDS)
    events = server.stream(prompt, WAV)
    deltas = (event["delta"] for event in events if event["type"] == "transcript.text.delta")
    assert "".join(deltas) == events[-1]["text"] == answer["text"]
