"""What of a window is told before it is over."""

from __future__ import annotations

from math import inf

from server.recordings.windowed.telling import Telling, near_limit
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.segments import Segment


def closed(start: float, end: float) -> SegmentClosed:
    return SegmentClosed(Segment(0, start, end, 0, "words"))


def delta(start: float, end: float, text: str = "words") -> SpeechDelta:
    return SpeechDelta(0, text, (start, end))


def test_words_are_told_as_they_come() -> None:
    telling = Telling(inf, 0.0)
    first, second, end = delta(0, 2), delta(0, 2, " more"), closed(0, 2)
    assert telling.feed(first) == [first]
    assert telling.open
    assert telling.feed(second) == [second]
    assert telling.feed(end) == [end]
    assert (telling.open, telling.until) == (False, 2.0)


def test_what_reaches_over_the_border_is_left_with_all_behind_it() -> None:
    telling = Telling(10.0, 0.0)
    assert telling.feed(closed(0, 8)) == [closed(0, 8)]
    assert telling.feed(delta(8, 11)) == []
    assert telling.feed(closed(8, 11)) == []
    assert telling.over
    assert telling.feed(closed(11, 12)) == []
    assert telling.until == 8.0


def test_who_talks_without_end_is_told_all_the_same() -> None:
    """Nothing before it was told: the next window would begin where this one did."""
    telling = Telling(10.0, 0.0)
    words, end = delta(0, 11), closed(0, 11)
    assert telling.feed(words) == []
    assert telling.feed(end) == [words, end]
    assert not telling.over


def test_near_its_limit_words_wait_for_the_end_of_their_segment() -> None:
    telling = Telling(inf, 0.0)
    shown = delta(0, 2)
    assert telling.feed(shown) == [shown]
    telling.careful = True
    assert telling.feed(delta(0, 2, " more")) == [delta(0, 2, " more")]
    assert telling.feed(closed(0, 2)) == [closed(0, 2)]
    assert telling.feed(delta(2, 3)) == []
    assert telling.feed(closed(2, 3)) == [delta(2, 3), closed(2, 3)]


def test_how_near_that_is_depends_on_the_limit() -> None:
    assert not near_limit(80, 100)
    assert near_limit(90, 100)
    assert not near_limit(29_000, 30_000)
    assert near_limit(29_500, 30_000)
