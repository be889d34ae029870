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
WINDOWS = {True: 3, False: 3}
"""By whether voices are introduced, in the time of which less of the talk is heard."""
BAD_TURN = 2
"""In the first window, which ends some turns behind it."""
HABITS = [Habit.BLANK, Habit.CUT_WORD, Habit.SPEAKER_17, Habit.BEYOND, Habit.ECHO, Habit.WORDS, Habit.FROZEN]


@pytest.fixture(scope="module", params=["introduced", "linked"])
def server(request: pytest.FixtureRequest) -> Iterator[Habitual]:
    settings = {"window_minutes": MINUTES, "speaker_continuity": request.param}
    with habitual_server(CHECKPOINT, talk=LONG_TALK, **settings) as habitual:
        yield habitual


def test_the_honest_answer(server: Habitual) -> None:
    """Side by side an overlap of four seconds holds one turn: who is silent in it is somebody new, and in doubt."""
    answer = server.post("nothing special", WAV).json()
    segments = answer["segments"]
    introduced = server.running.service.settings.speaker_continuity == "introduced"
    assert answer["notes"][0] == f"The recording was heard in {WINDOWS[introduced]} windows."
    assert [segment["text"] for segment in segments] == [turn.text for turn in LONG_TALK]
    assert_sound(segments, SECONDS)
    labels = {(segment["speaker"], "AB"[turn.speaker]) for segment, turn in zip(segments, LONG_TALK, strict=True)}
    assert {("A", "A"), ("B", "B")} <= labels
    names = {label for label, _ in labels}
    assert len(names) == len(labels), "nobody has another's label"
    doubtful = {segment["speaker"] for segment in segments if segment.get("speaker_in_doubt")}
    assert doubtful == names - {"A", "B"}
    assert len(doubtful) == len(answer["notes"]) - 1
    assert len(doubtful) <= (0 if introduced else WINDOWS[introduced] - 1)


@pytest.mark.parametrize("habit", HABITS)
def test_the_other_window_is_told(server: Habitual, habit: Habit) -> None:
    prompt = command(habit, Cure.NEVER, turn=BAD_TURN)
    answer = server.post(prompt, WAV).json()
    assert_told(answer["text"], [turn.text for turn in (*LONG_TALK[:BAD_TURN], *LONG_TALK[7:])])
    assert_sound(answer["segments"], SECONDS)
    events = server.stream(prompt, WAV)
    deltas = (event["delta"] for event in events if event["type"] == "transcript.text.delta")
    assert "".join(deltas) == events[-1]["text"] == answer["text"]
