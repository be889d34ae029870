"""Segments whose times are out of order: what is written stays in its order, and what can be right keeps its time."""

from __future__ import annotations

from random import Random

import pytest

from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow
from server.transcript.stitching.ordering import in_order
from server.transcript.stitching.stitcher import Stitcher

Said = tuple[float, float, str]


def placed(*said: Said) -> list[tuple[float, float]]:
    segments = [Segment(0, start, end, None if text.startswith("[") else 0, text) for start, end, text in said]
    found = in_order(segments, 0.0)
    assert [one.text for one in found] == [text for *_, text in said]
    return [(one.start, one.end) for one in found]


TEN: list[Said] = [(10.0 * n, 10.0 * n + 9.0, f"sentence number {n}") for n in range(10)]


def passed_over(place: int, start: float) -> int:
    """How many of the others would be on the wrong side of one that begins then."""
    return sum((other < place) != (begin <= start) for other, (begin, *_) in enumerate(TEN) if other != place)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (place, wrong)
        for place in range(10)
        for wrong in [(0.0, 0.0), (100.0, 100.0), (55.0, 60.0)]
        if passed_over(place, wrong[0]) != 1  # of two nobody knows which
    ],
)
def test_one_that_is_wrong_moves_no_other(place: int, wrong: tuple[float, float]) -> None:
    said = [*TEN]
    said[place] = (*wrong, said[place][2])
    found = placed(*said)
    assert [times for n, times in enumerate(found) if n != place] == [
        (start, end) for n, (start, end, _) in enumerate(TEN) if n != place
    ]
    assert [start for start, _ in found] == sorted(start for start, _ in found)


@pytest.mark.parametrize(
    ("said", "times"),
    [
        ([(20.0, 30.0, "alpha"), (10.0, 32.0, "bravo")], [(20.0, 30.0), (30.0, 32.0)]),
        ([(20.0, 30.0, "alpha"), (10.0, 15.0, "bravo")], [(20.0, 30.0), (20.0, 20.0)]),
        ([(20.0, 30.0, "alpha"), (19.8, 40.0, "bravo")], [(20.0, 30.0), (20.0, 40.0)]),
        ([(0.0, 9.0, "a"), (20.0, 30.0, "b"), (15.0, 18.0, "c"), (16.0, 19.0, "d")],
         [(0.0, 9.0), (9.0, 15.0), (15.0, 18.0), (16.0, 19.0)]),
        ([(9.5, 12.0, "a"), (9.0, 11.0, "b"), (11.0, 13.0, "c"), (11.5, 14.0, "d")],
         [(9.5, 12.0), (9.5, 11.0), (11.0, 13.0), (11.5, 14.0)]),
        ([(0.0, 9.0, "a"), (20.0, 30.0, "[Music]"), (15.0, 18.0, "c"), (40.0, 50.0, "d")],
         [(0.0, 9.0), (9.0, 15.0), (15.0, 18.0), (40.0, 50.0)]),
        ([(0.0, 9.0, "a"), (20.0, 30.0, "b"), (15.0, 18.0, "[Music]")], [(0.0, 9.0), (20.0, 30.0), (20.0, 20.0)]),
        ([(7.0, 9.0, "[Music]"), (3.0, 5.0, "[Music]")], [(7.0, 9.0), (7.0, 7.0)]),
        ([], []),
    ],
)  # fmt: skip
def test_where_it_is_put(said: list[Said], times: list[tuple[float, float]]) -> None:
    assert placed(*said) == times


def test_whatever_the_times_are_the_starts_grow() -> None:
    random = Random(7)
    for _ in range(300):
        said = [
            (start := random.uniform(0, 60), start + random.uniform(0, 20), random.choice(["a word", "[Music]"]))
            for _ in range(random.randrange(12))
        ]
        found = placed(*said)
        assert [start for start, _ in found] == sorted(start for start, _ in found)
        assert all(0 <= start <= end for start, end in found)


def test_a_garbled_start_costs_the_next_window_nothing() -> None:
    texts = "one lamp glows|two cats sleep|three men walk|four bells ring|five ships sail|six birds sing|it is late"
    said = [(9.0 * n, 9.0 * n + 8.0, text) for n, text in enumerate(texts.split("|"))]
    first, second = said[:5], said[3:]
    first[1] = (45.0, 45.0, first[1][2])
    stitcher = Stitcher(18.0)
    told: list[Segment] = []
    for begin, window in ((0.0, first), (27.0, second)):
        segments = tuple(Segment(0, start - begin, end - begin, 0, text) for start, end, text in window)
        told += stitcher.add(HeardWindow(begin, window[-1][1], segments))
    told += stitcher.finish()
    assert [one.text for one in told] == texts.split("|")
