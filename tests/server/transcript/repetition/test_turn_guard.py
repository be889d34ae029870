"""The text of one window of a model that writes by turns: what nobody can have said is called, and cut behind words."""

from __future__ import annotations

import pytest

from server.transcript.repetition import TurnGuard

SECONDS = 26 * 3_200 / 24_000
"""Of a window of the 7 B."""
WORDS = ["Yes.", "No.", "Sure.", "Okay.", "Right.", "Well.", "So.", "Hm."]
SPEAKERS = " \n Speaker 0: Yes. \n Speaker 1: No."


def kept(text: str) -> str | None:
    """What stays of a window that is stuck; None where it is sound."""
    whole = TurnGuard(SECONDS).feed(text)
    guard = TurnGuard(SECONDS)
    apart = next((loop for character in text if (loop := guard.feed(character)) is not None), None)
    assert apart == whole
    return None if whole is None else text[: whole.keep]


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        (" Okay No." + 10 * SPEAKERS, " Okay No. \n Speaker 0: Yes."),
        (40 * SPEAKERS, SPEAKERS),
        (40 * " \n Speaker 0: Hm.", " \n Speaker 0: Hm."),
        (" Okay." + 40 * " \n Speaker 0:", " Okay."),
        (" Okay." + 40 * " \n malo", " Okay. \n malo"),
        (" Okay." + 40 * " \n so", " Okay. \n so"),
        (" Okay." + 99 * " \n", " Okay."),
        (" Okay: " + 40 * "malo ", " Okay: malo"),
    ],
)
def test_no_label_stays_behind_which_nothing_is_said(text: str, stays: str) -> None:
    """The words of the next window would be that speaker's."""
    assert kept(text) == stays


@pytest.mark.parametrize(
    "text",
    [
        "".join(f" \n Speaker {number % 2}: {word}" for number, word in enumerate(WORDS)),
        "".join(f" \n Speaker {number % 12}: {word}" for number, word in enumerate(WORDS)),
        7 * " \n Speaker 0: Hm.",
        6 * SPEAKERS,
    ],
)
def test_short_turns_are_as_long_as_their_words(text: str) -> None:
    assert kept(text) is None


@pytest.mark.parametrize("mark", ["_", " ", ".", ". ", "- ", "\n"])
def test_marks_and_blanks_are_left_until_they_are_many(mark: str) -> None:
    """Nothing is asked again here: what is cut is lost."""
    assert kept(" Name: " + mark * (100 // len(mark)) + " date:") is None
    assert (kept(" Name:" + mark * 200) or "").startswith(" Name:")
