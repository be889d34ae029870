"""The same text in one window after the other."""

from __future__ import annotations

import pytest

from server.transcript.repetition import WindowRepeats
from server.transcript.repetition.window_repeats import BRIEF_COPIES, COPIES

CLAUSE = " and the bells are ringing."


def too_many(texts: list[str], said: list[str] | None = None) -> list[int]:
    """The windows that are left out."""
    repeats = WindowRepeats(said or [])
    return [place for place, text in enumerate(texts) if repeats.add(text)]


@pytest.mark.parametrize(("text", "most"), [(CLAUSE, COPIES), ("我们今天再看一次", COPIES), (" Yes.", BRIEF_COPIES)])
def test_so_many_are_told_and_no_more(text: str, most: int) -> None:
    assert too_many([text] * (most + 3)) == [most - 1, most, most + 1, most + 2]


def test_marks_capitals_and_who_says_it_are_no_difference() -> None:
    forms = [CLAUSE, " And the bells are ringing!", " \n Speaker 1: and the bells are ringing"]
    assert too_many(forms * (COPIES // 3)) == [COPIES - 1]


def test_another_text_or_silence_begins_anew() -> None:
    run = [CLAUSE] * (COPIES - 2)
    for other in (" hey", "", " \n Speaker 0:"):
        assert too_many([*run, other, *run]) == []
    assert too_many([CLAUSE, " hey"] * COPIES) == []


def test_what_was_left_out_is_not_told_again_later() -> None:
    """A window whose text was left out is empty in what stands."""
    said = [*[CLAUSE] * (COPIES - 1), "", ""]
    assert too_many([CLAUSE, CLAUSE, " hey", CLAUSE], said) == [0, 1]
