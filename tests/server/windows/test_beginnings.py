"""What stands in front of windows for somebody who speaks at length."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.transcript.segments import Segment
from server.windows.beginnings import Beginnings


def said(start: float, end: float, text: str, speaker: int = 0) -> Segment:
    return Segment(0, start, end, speaker, text)


def begun(*heard: Segment) -> Beginnings:
    beginnings = Beginnings()
    for segment in heard:
        beginnings.note(segment)
    return beginnings


def test_a_long_segment_began_with_what_it_was_when_it_was_short() -> None:
    beginnings = begun(
        said(1, 2, "So we"),
        said(1.1, 3.5, "So we go there.", speaker=3),
        said(1, 5.5, "So we go there on Mon"),
        said(1, 8, "So we go there on Monday with"),
    )
    whole = said(1, 9, "So we go there on Monday with all of them.", speaker=2)
    assert beginnings.of(whole) == [said(1.1, 3.5, "So we go there", speaker=2)]
    assert beginnings.of(whole) == [], "it is closed once"


def test_the_longest_comes_first_and_the_next_segment_keeps_its_own() -> None:
    beginnings = begun(said(1, 3, "今天"), said(1, 5, "今天我们"), said(9.5, 12, "Then"), said(9.5, 14, "Then I"))
    assert [part.text for part in beginnings.of(said(1, 9, "今天我们先看上周的报告。"))] == ["今天我们", "今天"]
    assert [part.text for part in beginnings.of(said(9.5, 20, "Then I saw it."))] == ["Then I", "Then"]


@pytest.mark.parametrize("heard", ["Something else", "So weird", "…", "so we"])
def test_other_words_are_no_beginning(heard: str) -> None:
    assert begun(said(1, 4, heard)).of(said(1, 9, "So weirdly we go there.")) == []


def test_a_short_segment_is_as_good_as_its_beginning() -> None:
    assert begun(said(1, 4, "So we")).of(said(1, 6, "So we go there.")) == []


def test_what_began_elsewhere_is_another_segment() -> None:
    assert begun(said(1, 4, "So we"), said(3, 6, "So we")).of(said(1.6, 9, "So we go there.")) == []


def test_where_it_was_never_short_the_words_in_front_of_a_pause_are_estimated() -> None:
    pauses = ((1.5, 1.8), (4.0, 4.5), (7.0, 7.3))
    whole = replace(said(0, 12, "One two, three four, seven eight, and then nine, ten, eleven."), pauses=pauses)
    parts = begun(said(0, 9, "One two")).of(whole)
    assert [(part.start, part.end, part.text) for part in parts] == [
        (0, 4.0, "One two, three four,"),
        (0, 1.5, "One two,"),
    ]
    assert begun().of(said(0, 12, "And so on and on and on.")) == [], "nobody knows where he pauses"


def test_what_ends_in_a_pause_is_better_than_what_may_end_within_a_word() -> None:
    heard = begun(said(0, 2.1, "One two,"), said(0, 3.2, "One two, three"), said(0, 4.9, "One two, three four"))
    whole = said(0, 12, "One two, three four, seven eight.")
    assert [part.end for part in heard.of(replace(whole, pauses=((2.0, 2.4),)))] == [2.1]


def test_where_only_a_long_one_ends_in_a_pause_shorter_ones_are_told_behind_it() -> None:
    heard = begun(said(0, 2.1, "One two,"), said(0, 3.2, "One two, three"), said(0, 4.9, "One two, three four"))
    whole = said(0, 12, "One two, three four, seven eight.")
    assert [part.end for part in heard.of(replace(whole, pauses=((4.9, 5.3),)))] == [4.9, 3.2, 2.1]
