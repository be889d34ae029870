"""What is settled stays, whatever comes, and what is said does not depend on how the text is cut."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.repetition import LoopKind, RepetitionGuard
from tests.server.transcript.answers import examples
from tests.server.transcript.repetition.written import SECONDS, answer, find, follow, in_a_row, segment

CONTENTS = [
    *("Yeah.", "no no no no", "It rains again, and nobody has a coat.", "对，对，对。", "[Music]", "", "ครับ ครับ"),
    *("1, 2, 3, 4, 5, 6, 7, 8, 9, 10", 'he said "no" and \\ went', "la la la la la la la la la la la la la la"),
]
UNITS = [
    "no ",
    "so it is. ",
    "哈",
    "谢谢，",
    "\n",
    "0",
    "It rains again on all of us today. ",
    '"',
    "- ",
    "#1 and ",
    "x",
]
GARBAGE = ['{"Start":', ",{}", "\n", " ", "]", '"', "\\", '"Content":"",', "}", "{", ":", "0", ","]

contents = st.one_of(
    st.sampled_from(CONTENTS),
    st.builds(
        lambda unit, times, end: unit * times + end, st.sampled_from(UNITS), st.integers(1, 40), st.text(max_size=5)
    ),
    st.lists(st.sampled_from(UNITS), max_size=20).map("".join),
)
times = st.tuples(st.sampled_from([0, 0.02, 0.5, 1, 3, 900]), st.sampled_from([0, 0.05, 0.5, 2, 30]))
segments = st.lists(st.tuples(contents, times, st.integers(1, 9)), min_size=1, max_size=4)


@st.composite
def answers(draw: st.DrawFn) -> str:
    """Honest and looping text, whole and broken."""
    text, clock = "[", 0.0
    for content, (gap, length), times in draw(segments):
        step = draw(st.sampled_from([0.0, 0.1, length]))
        for _ in range(times):
            text += ("," if text[-1] == "}" else "") + segment(content, clock + gap, clock + gap + length)
            clock += step
        if draw(st.integers(0, 5)) == 0:
            text += draw(st.sampled_from(GARBAGE)) * draw(st.integers(1, 60))
    place = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([text, text[place:], text[:place], text[:place] + text]))


@given(answers(), st.randoms(use_true_random=False))
@examples(100)
def test_what_is_settled_is_never_taken_back(text: str, rng: random.Random) -> None:
    places = range(1, len(text) + 1)
    loop, settled = follow(text, places, seconds=30)
    series = list(settled.values())
    assert series == sorted(series)
    assert all(value <= place for place, value in settled.items())
    assert not loop or not series or series[-1] <= loop.keep <= loop.at
    some = rng.sample(places, min(len(text), 9))
    again, settled_again = follow(text, some, seconds=30)
    assert again == loop
    assert settled_again.items() <= settled.items()
    if loop is not None:
        assert find(text[: loop.at], seconds=30) == loop
        assert find(text[: loop.at - 1], seconds=30) is None
        assert loop.kind not in (LoopKind.SEGMENTS, LoopKind.TAGS, LoopKind.TIMES) or text[: loop.keep].endswith("}")


@given(st.text(max_size=300))
@examples(100)
def test_no_text_is_too_strange(text: str) -> None:
    guard = RepetitionGuard(10)
    guard.feed(text)
    assert 0 <= guard.settled <= len(text)


WORDS = ["the", "ferry", "leaves", "from", "other", "pier", "while", "nobody", "has", "seen", "our", "printer", "again"]


def test_text_that_does_not_repeat_is_settled_at_once() -> None:
    rng = random.Random(3)
    content = " ".join("".join(rng.sample(rng.choice(WORDS), 2)) + rng.choice(WORDS) for _ in range(300))
    begun = answer(segment("Well.", 0, 1)) + ',{"Start":1,"End":200,"Speaker":0,"Content":"'
    _, settled = follow(begun + content, range(1, len(begun + content)))
    assert all(place - settled[place] <= 1 for place in settled if place > len(begun))


@pytest.mark.parametrize("unit", ["thank you very much, ", "no, ", "谢谢大家，", "It rains again on all of us. "])
def test_what_repeats_is_held_until_it_stops(unit: str) -> None:
    begun = answer() + '{"Start":0,"End":60,"Speaker":0,"Content":"'
    text = begun + unit * 5 + "but never mind, come to the door quickly before dark"
    loop, settled = follow(text, range(1, len(text)))
    assert loop is None
    held = settled[len(begun + unit * 5)]
    assert len(begun + unit) <= held <= len(begun + unit * 3) + 9
    assert settled[len(text)] >= len(text) - 1


def test_segments_that_repeat_are_held_until_one_differs() -> None:
    same = in_a_row(["Yeah, sure."] * 3, length=0.6, uneven=0.3)
    other = ',{"Start":9,"End":11,"Speaker":0,"Content":"Y'
    _, settled = follow(same + other + "es", [len(same), len(same + other)])
    second = len(in_a_row(["Yeah, sure."] * 2, length=0.6, uneven=0.3))
    assert settled == {len(same): second, len(same + other): second, len(same + other) + 2: len(same + other) + 2}


def test_work_grows_with_the_length_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in characters that are looked at, not in seconds; a text that nearly loops all the time."""
    looked = 0

    def counted(self: RepetitionGuard, character: str) -> None:
        nonlocal looked
        looked += 1
        read(self, character)

    read = RepetitionGuard._read
    monkeypatch.setattr(RepetitionGuard, "_read", counted)
    text = in_a_row([f"{'no ' * (place % 9)}it is {place}" for place in range(300)], length=4, uneven=2)
    assert find(text, seconds=SECONDS * 9) is None
    assert looked <= 1.2 * len(text)
