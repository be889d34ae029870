"""Loops in files: what was said in front of them and behind them is told, once, and what was done is told too."""

from __future__ import annotations

from itertools import cycle

import pytest

from tests.server.habits.conftest import BAD_TURN, TALK, Habitual, assert_sound, assert_told, habitual_server, said
from tests.support.habits import LOOPS, Cure, Habit, beginning, command
from tests.support.speaking_runner import CHECKPOINT

ENDED = [habit for habit in LOOPS if habit not in (Habit.SCRIPTS, Habit.KEYS)]
"""Those two are ended as words without end and structure are."""
FIRST_HALF = beginning(TALK[BAD_TURN].text).strip()
SECOND_HALF = TALK[BAD_TURN].text.removeprefix(FIRST_HALF).strip()
CURES = (Cure.HOTTER, Cure.TEMPERATURE, Cure.BEHIND)
GAP = "[Unintelligible Speech]"


def loops(server: Habitual, outcome: str) -> float:
    return sum(
        sample.value
        for family in server.running.service.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "asr_answer_loops_total" and sample.labels["outcome"] == outcome
    )


@pytest.mark.parametrize(("habit", "cure"), list(zip(ENDED, cycle(CURES), strict=False)))
def test_a_loop_that_can_be_ended_costs_no_word(server: Habitual, habit: Habit, cure: Cure) -> None:
    """A few copies of what was repeated may stay within the turn."""
    before, retried = server.tokens, loops(server, "retried")
    answer = server.post(command(habit, cure, turn=BAD_TURN)).json()
    assert_told(answer["text"], [*said(until=BAD_TURN), FIRST_HALF, SECOND_HALF, *said()[BAD_TURN + 1 :]])
    assert answer["text"].count(SECOND_HALF) == 1, "nothing is told twice"
    assert_sound(answer["segments"])
    assert GAP not in [segment["text"] for segment in answer["segments"]]
    assert {loop["outcome"] for loop in answer["repetitions"]} <= {"retried", "kept"}
    assert any("was asked for that stretch again" in note for note in answer["notes"])
    assert loops(server, "retried") > retried
    assert server.tokens - before < 1_500, "ten times an honest answer's"


@pytest.mark.parametrize("habit", LOOPS)
def test_a_loop_that_cannot_be_ended_costs_its_stretch(server: Habitual, habit: Habit) -> None:
    before, skipped = server.tokens, loops(server, "skipped")
    answer = server.post(command(habit, turn=BAD_TURN)).json()
    assert_told(answer["text"], said(without=BAD_TURN))
    assert_sound(answer["segments"])
    texts = [segment["text"] for segment in answer["segments"]]
    assert texts.count(GAP) == 1
    assert answer["repetitions"][-1]["outcome"] == "skipped"
    assert any("what was said there is missing" in note for note in answer["notes"])
    assert loops(server, "skipped") == skipped + 1
    assert len(answer["text"]) < 2 * sum(len(turn.text) for turn in TALK)
    assert server.tokens - before < 1_500, "ten times an honest answer's"


@pytest.mark.parametrize("seed", range(6))
def test_several_habits_in_one_answer_have_an_end(server: Habitual, seed: int) -> None:
    before = server.tokens
    answer = server.post(f"<random {seed}>").json()
    assert_sound(answer["segments"])
    assert server.tokens - before < 10_000


def test_without_the_guard_it_loops_up_to_the_limit_and_says_so() -> None:
    with habitual_server(CHECKPOINT, forced=False, loop_guard=False) as server:
        answer = server.post(command(Habit.WORDS, Cure.TEMPERATURE, turn=BAD_TURN)).json()
        assert answer["text"].count("malo") > 200
        assert "repetitions" not in answer
        assert any("length limit" in note for note in answer["notes"])
