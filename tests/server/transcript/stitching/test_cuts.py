"""Where the seam goes through words: what is whole again, what is joined, and what only one side heard."""

from __future__ import annotations

import pytest

from server.transcript.stitching.heard import HeardWindow
from tests.server.transcript.stitching.test_seams import VOICE, texts, window


def test_a_word_that_both_edges_meet_in_is_whole() -> None:
    """All that both have is one word, and the earlier window has half of it, or the later one."""
    a = window(0.0, 30.0, (24.0, 30.0, 0, "Bring the photographs of the old cathe"))
    b = window(29.0, 60.0, (29.0, 33.0, 0, "cathedral with you tomorrow."))
    assert texts(a, b) == ["Bring the photographs of the old cathedral with you tomorrow."]
    a = window(0.0, 30.0, (24.0, 30.0, 0, "Bring the photographs of the old cathedral"))
    b = window(29.0, 60.0, (29.0, 33.0, 0, "dral with you tomorrow."))
    assert texts(a, b) == ["Bring the photographs of the old cathedral with you tomorrow."]


@pytest.mark.parametrize("said", ["Then we walked down to the river.", "Then we walked down to the"])
def test_a_hard_cut_joins_nothing_behind_a_whole_sentence_or_a_pause(said: str) -> None:
    pause = 0.0 if said.endswith(".") else 2.0
    a = window(0.0, 30.0, (25.0, 30.0 - pause, 0, said))
    b = window(30.0, 60.0, (30.0, 34.0, 0, "river and swam."))
    a, b = HeardWindow(a.start, a.end, a.segments, VOICE), HeardWindow(b.start, b.end, b.segments, VOICE)
    assert texts(a, b) == [said, "river and swam."]


def test_what_one_side_heard_between_common_words_stays_on_both_sides_of_the_cut() -> None:
    """In front of the cut the earlier window left a word out, behind it the later one."""
    said = "one small boat lay under green trees beside another quiet river near some empty wooden houses"
    words = said.split(" ")
    a_words = [word for word in words if word != "green"]
    b_words = [word for word in words if word != "quiet"]
    a = window(0.0, 30.0, (18.0, 29.5, 0, " ".join(["We saw", *a_words, "and"])))
    b = window(17.0, 60.0, (18.5, 32.0, 0, " ".join([*b_words, "and then nothing."])))
    assert texts(a, b) == [f"We saw {said} and then nothing."]


def test_at_its_edge_what_one_window_alone_heard_is_not_believed() -> None:
    a = window(0.0, 30.0, (19.0, 25.0, 0, "Tomorrow we paint the kitchen ceiling and the hall."))
    b = window(19.8, 60.0, (19.8, 25.0, 0, "we purple paint the kitchen ceiling and the hall."))
    assert texts(a, b) == ["Tomorrow we paint the kitchen ceiling and the hall."]


def test_a_word_that_one_side_left_out_stands_where_the_other_one_has_it_whatever_the_times_say() -> None:
    a = window(
        0.0,
        30.0,
        (18.0, 20.2, 0, "She charges forty an hour,"),
        (21.5, 24.0, 0, "these days it is not much."),
        (24.5, 29.0, 0, "The roof leaked again last night."),
    )
    b = window(
        18.5,
        60.0,
        (18.8, 20.5, 0, "forty an hour,"),
        (21.8, 24.0, 0, "and these days it is not much."),
        (24.8, 29.2, 0, "The roof leaked again last night."),
    )
    assert texts(a, b) == [
        "She charges forty an hour,",
        "and these days it is not much.",
        "The roof leaked again last night.",
    ]


def test_a_word_without_spaces_is_kept_whole_or_not_at_all() -> None:
    """The later window's edge is within the word that the earlier one left out."""
    a = window(0.0, 25.0, (16.0, 24.0, 0, "我们明天早上在厨房见面然后去买新的木材"))
    b = window(18.6, 60.0, (18.6, 26.0, 0, "上在二楼东边厨房见面然后去买新的木材和钉子"))
    assert texts(a, b) == ["我们明天早上在二楼东边厨房见面然后去买新的木材和钉子"]


def test_a_sentence_crammed_in_front_of_a_hard_cut_goes_and_a_short_call_stays() -> None:
    b = window(30.0, 60.0, (31.0, 34.0, 0, "Next, the chimney."))
    said = (20.0, 29.8, 0, "And that was all about the garden.")
    assert texts(window(0.0, 30.0, said, (29.8, 30.0, 0, "Thank you for watching this.")), b) == [
        "And that was all about the garden.",
        "Next, the chimney.",
    ]
    assert texts(window(0.0, 30.0, said, (30.0, 30.0, 1, "Oh, yes.")), b) == [
        "And that was all about the garden.",
        "Oh, yes.",
        "Next, the chimney.",
    ]


def test_an_answer_that_one_side_left_out_stands_in_front_of_what_follows_it_whatever_the_times_say() -> None:
    a = window(0.0, 30.0, (18.0, 20.8, 0, "Shall we begin with the roof?"), (21.0, 24.0, 0, "It leaked again tonight."))
    b = window(
        17.0,
        60.0,
        (18.2, 20.9, 0, "Shall we begin with the roof?"),
        (21.2, 21.4, 1, "Right."),
        (21.5, 24.0, 0, "It leaked again tonight."),
    )
    found = texts(a, b)
    assert found == ["Shall we begin with the roof?", "Right.", "It leaked again tonight."]


TURNS = {
    "near-equal words": ("We open at nine.", "Nobody saw them at all.", "Here is the report of last week."),
    "beginnings of words": ("So that is the plan.", "I do not know where he", "Here is the report of last week."),
    "two short words": ("Мы открываем в девять.", "Никто их там не видел.", "Вот отчёт за неделю, и их там нет."),
    "characters": ("我们九点开门。", "没有人看见他们。", "这是上周的报告，我们看看。"),
    "short overlaps": ("Yes.", "No, I do not think so.", "And then we can see it."),
}
"""Three turns with nothing in common but what anything may have in common."""


@pytest.mark.parametrize("kind", TURNS)
@pytest.mark.parametrize("missed_by_the_later", [True, False])
def test_where_no_word_is_common_no_turn_is_torn(kind: str, missed_by_the_later: bool) -> None:
    """One of the windows missed the turn that lies in the overlap, wherever it lies and however long it is."""
    turns = TURNS[kind]
    for step in range(60):
        at = 7.6 + 0.05 * step
        for end_a, length in ((9.5, 1.0), (11.5, 1.0), (11.5, 2.0), (13.0, 2.0)):
            if at + length > end_a:
                continue
            first, last = (2.0, 6.9, 0, turns[0]), (at + length, at + length + 2.0, 1, turns[2])
            middle = (at, at + length, 1, turns[1])
            heard = ([first, middle], [last]) if missed_by_the_later else ([first], [middle, last])
            found = texts(window(0.0, end_a, *heard[0]), window(7.5, 16.2, *heard[1]))
            assert found == list(turns), (at, end_a, length)


def test_a_last_sentence_whose_times_the_end_of_the_window_cut_is_none_that_was_made_up() -> None:
    a = window(0.0, 30.0, (20.0, 27.5, 0, "And that was all about the garden."), (30.0, 30.0, 0, "Tomorrow we begin"))
    b = window(30.0, 60.0, (30.0, 34.0, 0, "with the chimney."))
    assert " ".join(texts(a, b)) == "And that was all about the garden. Tomorrow we begin with the chimney."


def test_a_junk_word_at_a_window_edge_is_not_believed_however_far_its_times_are_off() -> None:
    a = window(0.0, 21.0, (12.0, 20.9, 0, "Then somebody wants three thousand before we begin"))
    b = window(19.6, 60.0, (20.4, 24.0, 0, "purple before we begin to look at it."))
    assert " ".join(texts(a, b)) == "Then somebody wants three thousand before we begin to look at it."


def test_of_two_spellings_that_which_is_there_elsewhere_is_written() -> None:
    before = (2.0, 6.0, 0, "Professor Abendroth is on holiday.")
    a = (20.0, 29.8, 0, "Then we asked Abendrot about the keys of the old garden house and the")
    b = (20.2, 31.0, 0, "we asked Abendroth about the keys of the old garden house and the cellar.")
    whole = "Then we asked {} about the keys of the old garden house and the cellar."
    assert texts(window(0.0, 30.0, before, a), window(20.0, 60.0, b))[-1] == whole.format("Abendroth")
    assert texts(window(0.0, 30.0, a), window(20.0, 60.0, b))[-1] == whole.format("Abendrot")
