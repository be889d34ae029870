"""What a model says again, or when it was not said: each time it is told once, where it belongs."""

from __future__ import annotations

import pytest

from tests.server.transcript.stitching.test_seams import Said, stitched, window

FRONT: Said = (1.0, 3.0, 0, "This cold ticket was always big.")
MIDDLE: Said = (12.0, 13.5, 1, "Every train was yellow.")
BACK: Said = (22.0, 24.0, 0, "Your father opens at nine.")
GAME = "Her game was red."
"""Said from 16.0 to 17.0, in the overlap from 10 to 20."""
ONCE: Said = (16.0, 17.0, 1, GAME)


def told(a: list[Said], b: list[Said]) -> list[str]:
    """Of two windows that have ten seconds in common, with what is said in front of these and behind them."""
    return [segment.text for segment in stitched(window(0.0, 20.0, FRONT, *a), window(10.0, 30.0, *b, BACK))]


def whole(*said: str) -> list[str]:
    return [FRONT[3], *said, BACK[3]]


@pytest.mark.parametrize("tone", ["[Music]", "[Silence]"])
@pytest.mark.parametrize(
    "again",
    [
        [(16.0, 16.0, 0, GAME), (16.0, 19.8, 1, GAME)],
        [(16.0, 16.1, 1, GAME), (16.0, 16.1, 1, GAME), (20.0, 20.0, 1, GAME), (20.0, 20.0, 1, GAME)],
        [(15.9, 16.9, 1, GAME), (16.2, 17.0, 1, GAME)],
        [(16.0, 16.4, 1, GAME), (16.6, 17.1, 1, GAME)],
    ],
    ids=["in no time", "at the end", "at the same time", "one behind the other"],
)
def test_what_the_earlier_window_repeats_is_told_once(again: list[Said], tone: str) -> None:
    assert told([MIDDLE, *again], [MIDDLE, ONCE]) == whole(MIDDLE[3], GAME)
    assert told([(4.0, 15.5, None, tone), *again], [(10.0, 15.5, None, tone), ONCE]) == whole(tone, GAME)


@pytest.mark.parametrize(
    "again",
    [
        [(10.0, 15.9, 1, GAME), ONCE],
        [(16.0, 16.0, 0, GAME), (16.0, 21.5, 1, GAME)],
        [(16.0, 16.4, 1, GAME), (16.6, 17.1, 1, GAME)],
    ],
    ids=["instead of the silence", "in no time", "one behind the other"],
)
def test_what_the_later_window_repeats_is_told_once(again: list[Said]) -> None:
    assert told([MIDDLE, ONCE], [MIDDLE, *again]) == whole(MIDDLE[3], GAME)
    assert told([ONCE], again) == whole(GAME)


def test_of_two_the_one_stays_that_both_windows_have_at_the_same_time() -> None:
    late: Said = (18.0, 19.0, 1, GAME)
    segments = stitched(window(0.0, 20.0, FRONT, late), window(10.0, 30.0, (11.0, 17.5, 1, GAME), late, BACK))
    assert [(segment.start, segment.text) for segment in segments[1:2]] == [(late[0], GAME)]


TWICE: list[Said] = [(14.0, 15.0, 1, GAME), ONCE]
YES: list[Said] = [(16.0, 16.3, 0, "Yes."), (16.6, 16.9, 0, "Yes.")]
BOTH: list[Said] = [(16.0, 16.3, 0, "Yes."), (16.0, 16.3, 1, "Yes.")]


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (TWICE, TWICE, [GAME, GAME]),
        (YES, YES[:1], ["Yes.", "Yes."]),
        (BOTH, BOTH[:1], ["Yes.", "Yes."]),
        ([(8.5, 9.5, 1, GAME), (10.5, 11.5, 1, GAME)], [(10.5, 11.5, 1, GAME), MIDDLE], [GAME, GAME, MIDDLE[3]]),
        (
            [MIDDLE, (18.0, 19.0, 1, GAME)],
            [MIDDLE, (18.0, 19.0, 1, GAME), (20.5, 21.5, 1, GAME)],
            [MIDDLE[3], GAME, GAME],
        ),
    ],
    ids=["both heard it twice", "a short word", "two people", "in front of the overlap", "behind the overlap"],
)
def test_what_may_have_been_said_twice_stays(a: list[Said], b: list[Said], said: list[str]) -> None:
    assert told(a, b) == whole(*said)


def test_what_is_said_to_begin_too_early_stands_where_it_is_written() -> None:
    """Music is in front of it; the other window knows when it is said."""
    early: Said = (4.0, 17.0, 1, GAME)
    music: Said = (4.0, 9.8, None, "[Music]")
    assert told([music, MIDDLE, early], [MIDDLE, ONCE]) == [FRONT[3], "[Music]", MIDDLE[3], GAME, BACK[3]]
    segments = stitched(window(0.0, 20.0, music, MIDDLE, early))
    assert [segment.text for segment in segments] == ["[Music]", MIDDLE[3], GAME]
    assert (segments[-1].start, segments[-1].end) == (MIDDLE[1], 17.0)


def test_words_stay_in_the_order_in_which_they_are_written() -> None:
    segments = stitched(window(0.0, 20.0, FRONT, ONCE, MIDDLE))
    assert [segment.text for segment in segments] == [FRONT[3], GAME, MIDDLE[3]]
    assert [segment.start for segment in segments] == [1.0, 16.0, 16.0]
