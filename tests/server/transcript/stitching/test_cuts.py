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


def test_where_no_word_is_common_no_turn_is_torn() -> None:
    """The later window missed the turn that lies across the overlap's middle."""
    for later in range(17):
        at = 8.0 + 0.05 * later
        a = window(0.0, 11.5, (2.0, 7.0, 0, "We open at nine."), (at, at + 2.0, 1, "Nobody saw them at all."))
        b = window(7.5, 16.2, (at + 2.0, at + 4.0, 1, "Here is the report of last week."))
        assert texts(a, b) == ["We open at nine.", "Nobody saw them at all.", "Here is the report of last week."], at
