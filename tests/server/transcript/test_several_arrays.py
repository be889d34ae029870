"""Answers that begin their list of segments again: all of it is heard, and nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transcript import parser as notes
from tests.server.transcript.answers import assert_sane, examples, read, written

FIRST = written((0, 2, 0, "One."), (2, 3, None, "[Music]"))
SECOND = written((3, 5, 1, "Two."), (5, 6, 0, "Three [x]."))
TEXTS = ["One.", "[Music]", "Two.", "Three [x]."]


@pytest.mark.parametrize(
    "between", ["", " ", "\n", ",", "\nassistant\n", " And so on [1]: ", ' "well" ', "]", "}", "[]"]
)
def test_a_second_array_is_heard(between: str) -> None:
    reading = read(FIRST + between + SECOND)
    assert [segment.text for segment in reading.segments] == TEXTS
    assert reading.complete
    assert notes.SEVERAL_ARRAYS in reading.notes
    assert (notes.TEXT_LEFT_OUT in reading.notes) == any(map(str.isalnum, between))


@pytest.mark.parametrize(
    "answer",
    [
        f"[{FIRST},{SECOND}]",
        f"{FIRST[:-1]},{SECOND}]",
        f"{FIRST[:-1]},{SECOND}",
        f"[{FIRST[:-1]},{SECOND[1:]}",
        f"[[{FIRST[1:]}{SECOND}",
    ],
)
def test_an_array_inside_of_another_is_heard(answer: str) -> None:
    assert [segment.text for segment in read(answer).segments] == TEXTS


def test_objects_behind_the_end_are_heard() -> None:
    """Without an array of their own, or only with its end."""
    assert [segment.text for segment in read(FIRST + SECOND[1:-1]).segments] == TEXTS
    assert [segment.text for segment in read(FIRST + "," + SECOND[1:]).segments] == TEXTS
    assert read(FIRST + SECOND[1:]).complete


def test_a_second_array_that_breaks_off_or_is_cut_is_told() -> None:
    broken = read(FIRST + SECOND[:-12])
    assert not broken.complete
    assert broken.notes == [notes.BROKEN_OFF, notes.SEVERAL_ARRAYS]
    assert [segment.text for segment in broken.segments][:3] == TEXTS[:3]
    cut = read(FIRST + SECOND[:-1], cut=True)
    assert (cut.complete, cut.notes) == (False, [notes.CUT, notes.SEVERAL_ARRAYS])


def test_what_was_told_is_not_told_again() -> None:
    both = written((0, 2, 0, "One."), (2, 3, None, "[Music]"), (3, 5, 1, "Two."), (5, 6, 0, "Three [x]."))
    reading = read(FIRST + both)
    assert [segment.text for segment in reading.segments] == TEXTS
    assert [segment.index for segment in reading.segments] == [0, 1, 2, 3]
    assert reading.notes == [notes.SEVERAL_ARRAYS, notes.TEXT_LEFT_OUT]
    cut = read(FIRST + FIRST[: FIRST.index("ne.") + 1], cut=True)
    assert [segment.text for segment in cut.segments] == TEXTS[:2]


def test_the_same_words_at_another_time_were_said_twice() -> None:
    reading = read(written((0, 2, 0, "No.")) + written((2, 3, 0, "No.")))
    assert [segment.text for segment in reading.segments] == ["No.", "No."]


@pytest.mark.parametrize(
    "behind", [" I hope [this] helps!", ' He said "so".', " {never mind", " [1", " ]]", " {}", "[]"]
)
def test_prose_behind_the_end_is_no_segment_and_breaks_nothing_off(behind: str) -> None:
    reading = read(FIRST + behind)
    assert [segment.text for segment in reading.segments] == TEXTS[:2]
    assert reading.complete
    assert set(reading.notes) <= {notes.TEXT_LEFT_OUT}


PIECES = st.sampled_from([FIRST, SECOND, "[", "]", "{", "}", " so ", '"', ",", '"Content":"a"', "[]", "{}", "\\"])


@examples(150)
@given(st.lists(PIECES, max_size=8), st.booleans(), st.lists(st.integers(0, 300), max_size=6))
def test_whatever_follows_what_in_whatever_pieces(pieces: list[str], cut: bool, cuts: list[int]) -> None:
    text = "".join(pieces)
    whole, parts = read(text, cut=cut), read(text, cuts=cuts, cut=cut)
    assert_sane(whole.segments)
    assert (whole.shown, whole.segments) == (parts.shown, parts.segments)
    assert (whole.notes, whole.complete) == (parts.notes, parts.complete)
    assert whole.shown == {segment.index: segment.text for segment in whole.segments if segment.is_speech}
