"""Files: whatever the model does, the answer is sound, keeps what was said, and says what is wrong with it."""

from __future__ import annotations

import json
from itertools import pairwise

import httpx
import pytest
import srt  # type: ignore[import-untyped]
import webvtt  # type: ignore[import-untyped]

from server.transcript.parser import BROKEN_OFF
from tests.server.habits.conftest import BAD_TURN, SECONDS, TALK, assert_sound, assert_told, events_of, post, said
from tests.support.habits import FAULTS, LOOPS, Cure, Habit, command
from tests.support.scripted_server import RunningServer

UNTOLD = (Habit.BLANK, Habit.CUT_WORD, Habit.CUT_NUMBER)
"""Faults with which the model leaves the rest out."""
CUT = (Habit.CUT_WORD, Habit.CUT_NUMBER)


def told_of(habit: Habit) -> list[str]:
    """What has to be told where the model does this: an echo stands in the place of one turn."""
    if habit in UNTOLD:
        return said(until=BAD_TURN)
    return said(without=BAD_TURN if habit is Habit.ECHO else None)


def test_the_honest_answer(server: RunningServer) -> None:
    answer = post(server, "nothing special").json()
    assert [segment["text"] for segment in answer["segments"]] == [turn.text for turn in TALK]
    assert "notes" not in answer


@pytest.mark.parametrize("habit", FAULTS)
def test_what_was_said_is_told_whatever_else_is(server: RunningServer, habit: Habit) -> None:
    response = post(server, command(habit, turn=BAD_TURN))
    assert response.status_code == httpx.codes.OK
    answer = response.json()
    assert_told(answer["text"], told_of(habit))
    assert_sound(answer["segments"])
    assert (BROKEN_OFF in answer.get("notes", [])) == (habit in CUT)


@pytest.mark.parametrize("habit", [*LOOPS, *FAULTS])
def test_what_is_streamed_is_the_final_text(server: RunningServer, habit: Habit) -> None:
    """Nothing that was sent is taken back, and nothing is missing from it."""
    events = events_of(post(server, command(habit, turn=BAD_TURN), response_format="diarized_json", stream="true"))
    done = events[-1]
    assert done["type"] == "transcript.text.done"
    deltas = [event for event in events if event["type"] == "transcript.text.delta"]
    assert "".join(event["delta"] for event in deltas) == done["text"]
    segments = [event for event in events if event["type"] == "transcript.text.segment"]
    assert_sound(segments)
    assert " ".join(segment["text"] for segment in segments if segment["speaker"]) == done["text"]
    assert_told(done["text"], said(until=BAD_TURN) if habit in LOOPS else told_of(habit))


@pytest.mark.parametrize("answer_format", ["json", "text", "diarized_json", "srt", "vtt"])
@pytest.mark.parametrize("habit", [Habit.ADVANCING, Habit.BEYOND, Habit.SECOND_ARRAY, Habit.APPLAUSE, Habit.CUT_WORD])
def test_every_format(server: RunningServer, habit: Habit, answer_format: str) -> None:
    response = post(server, command(habit, turn=BAD_TURN), response_format=answer_format)
    assert response.status_code == httpx.codes.OK
    first = [turn.text for turn in TALK[:BAD_TURN]]
    match answer_format:
        case "srt":
            cues = list(srt.parse(response.text))
            assert all(one.start <= one.end for one in cues)
            assert all(cue.end.total_seconds() <= SECONDS + 0.01 for cue in cues)
            assert_told(" ".join(cue.content.replace("\n", " ") for cue in cues), first)
        case "vtt":
            captions = webvtt.from_string(response.text).captions
            assert all(one.start <= other.start for one, other in pairwise(captions))
            assert_told(" ".join(caption.text.replace("\n", " ") for caption in captions), first)
        case "text":
            assert_told(response.text, first)
        case _:
            assert_told(response.json()["text"], first)


def test_nobody_is_invented(server: RunningServer) -> None:
    for habit in (Habit.SPEAKER_17, Habit.SPEAKER_NA, Habit.SPEAKER_MISSING):
        segments = post(server, command(habit, turn=BAD_TURN)).json()["segments"]
        others = {segment["speaker"] for place, segment in enumerate(segments) if place != BAD_TURN}
        assert others == {"A", "B"}, habit


@pytest.mark.parametrize("seed", range(12))
def test_anything_at_all(server: RunningServer, seed: int) -> None:
    """Habits at random, several in one answer."""
    response = post(server, f"<random {seed}>")
    assert response.status_code == httpx.codes.OK
    answer = response.json()
    assert_sound(answer["segments"])
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("cure", list(Cure))
def test_the_work_is_bounded(server: RunningServer, cure: Cure) -> None:
    """A few times what an honest answer takes, however long the model would go on."""
    honest = tokens_of(server, "nothing special")
    for habit in LOOPS:
        assert tokens_of(server, command(habit, cure, turn=BAD_TURN)) < 8 * honest, habit


def tokens_of(server: RunningServer, prompt: str) -> float:
    """Of all answers that were given out for one request."""
    before = server.metric("asr_answer_tokens_total")
    assert post(server, prompt).status_code == httpx.codes.OK
    return server.metric("asr_answer_tokens_total") - before
