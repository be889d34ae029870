"""Where a window begins the model may say the same twice, and only what is said again is left out."""

from __future__ import annotations

import pytest

from server.recordings.windowed.doubled import Undoubled
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.segments import Segment

BORDER = 10.0


def said(index: int, start: float, end: float, text: str) -> list[TranscriptEvent]:
    words = text.split(" ")
    deltas = [SpeechDelta(index, word if not n else f" {word}", (start, end)) for n, word in enumerate(words)]
    return [*deltas, SegmentClosed(Segment(index, start, end, 0, text))]


def told(*segments: list[TranscriptEvent]) -> tuple[list[TranscriptEvent], list[TranscriptEvent]]:
    """What passes at once, and at the end."""
    doubled = Undoubled(BORDER)
    passed = [each for segment in segments for event in segment for each in doubled.feed(event)]
    return passed, doubled.finish()


ECHO = said(0, 9.2, 10.05, "This water is not young.")
AGAIN = said(1, 10.4, 11.8, "this water is not young.")
OTHER = said(1, 10.4, 11.8, "That brother brings at seven.")
LATER = said(2, 12.0, 13.0, "This water is not young.")


@pytest.mark.parametrize("start_and_end", [(9.2, 10.05), (10.35, 10.35), (10.3, 10.38)])
def test_what_is_said_again_is_left_out_once(start_and_end: tuple[float, float]) -> None:
    echo = said(0, *start_and_end, "This water is not young.")
    assert told(echo, AGAIN, LATER) == ([*AGAIN, *LATER], [])


@pytest.mark.parametrize("text", ["This water is not young.", "That brother brings at seven."])
def test_two_in_a_row_that_take_no_time(text: str) -> None:
    echo, second = said(0, 9.2, 10.05, text), said(1, 10.3, 10.3, "This water is not young.")
    passed, rest = told(echo, second, LATER)
    texts = [event.segment.text for event in passed if isinstance(event, SegmentClosed)]
    assert texts == list(dict.fromkeys([text, "This water is not young."]))
    assert (passed[-len(LATER) :], rest) == (LATER, [])
    assert told(echo, second) == (([], second) if text == "This water is not young." else (echo, second))


def test_what_is_not_said_again_stays() -> None:
    assert told(ECHO, OTHER, LATER) == ([*ECHO, *OTHER, *LATER], [])


def test_what_nothing_follows_stays() -> None:
    assert told(ECHO) == ([], ECHO)


@pytest.mark.parametrize("events", [AGAIN, OTHER, LATER])
def test_everything_else_passes_as_it_comes(events: list[TranscriptEvent]) -> None:
    doubled = Undoubled(BORDER)
    for event in events:
        assert doubled.feed(event) == [event]
