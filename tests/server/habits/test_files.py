"""Files: whatever the model does, the answer is sound, keeps what was said, and says what is wrong with it."""

from __future__ import annotations

from itertools import pairwise

import httpx
import numpy as np
import pytest
import srt  # type: ignore[import-untyped]
import webvtt

from server.transcript.parser import BROKEN_OFF
from tests.server.habits.conftest import (
    AUDIO,
    BAD_TURN,
    SECONDS,
    TALK,
    Habitual,
    assert_sound,
    assert_told,
    habitual_server,
    said,
)
from tests.support.habits import FAULTS, LOOPS, Habit, command
from tests.support.speaking_runner import CHECKPOINT
from tests.support.talks import wav_of

UNTOLD = (Habit.BLANK, Habit.CUT_WORD, Habit.CUT_NUMBER)
"""Faults with which the model leaves the rest out."""
CUT = (Habit.CUT_WORD, Habit.CUT_NUMBER)


def told_of(habit: Habit) -> list[str]:
    """What has to be told where the model does this: an echo stands in the place of one turn."""
    if habit in UNTOLD or habit in LOOPS:
        return said(until=BAD_TURN)
    return said(without=BAD_TURN if habit is Habit.ECHO else None)


def test_the_honest_answer(server: Habitual) -> None:
    answer = server.post("nothing special").json()
    assert [segment["text"] for segment in answer["segments"]] == [turn.text for turn in TALK]
    assert "notes" not in answer


@pytest.mark.parametrize("habit", FAULTS)
def test_what_was_said_is_told_whatever_else_is(server: Habitual, habit: Habit) -> None:
    response = server.post(command(habit, turn=BAD_TURN))
    assert response.status_code == httpx.codes.OK
    answer = response.json()
    assert_told(answer["text"], told_of(habit))
    assert_sound(answer["segments"])
    assert (BROKEN_OFF in answer.get("notes", [])) == (habit in CUT)


@pytest.mark.parametrize("habit", [*LOOPS, *FAULTS])
def test_what_is_streamed_is_the_final_text(server: Habitual, habit: Habit) -> None:
    """Nothing that was sent is taken back, and nothing is missing from it; and the work has an end."""
    before = server.tokens
    events = server.stream(command(habit, turn=BAD_TURN))
    assert server.tokens - before < 2_500, "more than can be said in so many seconds"
    done = events[-1]
    assert done["type"] == "transcript.text.done"
    deltas = [event for event in events if event["type"] == "transcript.text.delta"]
    assert "".join(event["delta"] for event in deltas) == done["text"]
    segments = [event for event in events if event["type"] == "transcript.text.segment"]
    assert_sound(segments)
    assert " ".join(segment["text"] for segment in segments if segment["speaker"]) == done["text"]
    assert_told(done["text"], told_of(habit))


@pytest.mark.parametrize("answer_format", ["json", "text", "diarized_json", "srt", "vtt"])
@pytest.mark.parametrize("habit", [Habit.ADVANCING, Habit.BEYOND, Habit.APPLAUSE, Habit.CUT_WORD])
def test_every_format(server: Habitual, habit: Habit, answer_format: str) -> None:
    response = server.post(command(habit, turn=BAD_TURN), response_format=answer_format)
    assert response.status_code == httpx.codes.OK
    first = [turn.text for turn in TALK[:BAD_TURN]]
    match answer_format:
        case "srt":
            cues = list(srt.parse(response.text))
            assert all(one.start <= one.end for one in cues)
            assert all(cue.end.total_seconds() <= SECONDS + 0.1 for cue in cues)
            assert_told(" ".join(cue.content.replace("\n", " ") for cue in cues), first)
        case "vtt":
            captions = webvtt.from_string(response.text).captions
            assert all(one.start <= other.start for one, other in pairwise(captions))
            assert_told(" ".join(caption.text.replace("\n", " ") for caption in captions), first)
        case "text":
            assert_told(response.text, first)
        case _:
            assert_told(response.json()["text"], first)


def test_nobody_is_invented(server: Habitual) -> None:
    for habit in (Habit.SPEAKER_17, Habit.SPEAKER_NA, Habit.SPEAKER_MISSING):
        segments = server.post(command(habit, turn=BAD_TURN)).json()["segments"]
        others = {segment["speaker"] for place, segment in enumerate(segments) if place != BAD_TURN}
        assert others == {"A", "B"}, habit


def test_one_channel_of_two_has_a_habit_and_the_other_is_told_whole(server: Habitual) -> None:
    """The talk is on the left; on the right are its last turns alone."""
    other = np.where(np.arange(AUDIO.size) > AUDIO.size // 2, AUDIO, 0)
    file = wav_of(np.stack([AUDIO, other], axis=1))
    answer = server.post(command(Habit.FROZEN, turn=0), file, channels="split").json()
    right = [segment["text"] for segment in answer["segments"] if segment["channel"] == 1]
    assert_told(" ".join(right), said()[-2:])
    assert_sound(answer["segments"])


def test_the_twins_tokens_do_as_well() -> None:
    with habitual_server(CHECKPOINT, forced=False) as twin:
        for habit in (Habit.WORDS, Habit.CHARACTERS, Habit.TAGS, Habit.CUT_WORD, Habit.SPEAKER_NA):
            answer = twin.post(command(habit, turn=BAD_TURN)).json()
            assert_told(answer["text"], told_of(habit))
