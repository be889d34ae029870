"""Turns from made-up probabilities; a frame is 40 ms, so that 100 ms of speech are three frames."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.ears.turns import TurnDetector, TurnEnd, TurnIdle, TurnPause, TurnResume, TurnStart
from server.live.vocabulary.turn_detection import Pauses, TurnDetection

FRAME = 0.04
SETTINGS = TurnDetection(threshold=0.5, prefix_padding=0.08, silence=0.2)


def follow(
    probabilities: Sequence[float], settings: TurnDetection = SETTINGS, *, start: float = 0.0
) -> list[tuple[str, int, float]]:
    """(kind, frames fed when it came, at) of every event."""
    detector = TurnDetector(settings, frame=FRAME, start=start)
    events = []
    for count, probability in enumerate(probabilities, start=1):
        event = detector.feed(probability)
        if event is not None:
            assert detector.speaking == isinstance(event, TurnStart | TurnPause | TurnResume)
            events.append((type(event).__name__, count, round(event.at, 6)))
    return events


def test_a_turn_begins_before_its_speech_and_ends_after_the_silence() -> None:
    assert follow([0.1] * 10 + [0.9] * 10 + [0.1] * 10) == [
        ("TurnStart", 13, 0.32),
        ("TurnEnd", 25, 1.0),
    ]


def test_clicks_are_no_turn() -> None:
    assert follow([0.1] * 5 + [0.9] * 2 + [0.1] * 5 + [0.9] * 2 + [0.1] * 5) == []


def test_speech_is_kept_up_by_less_than_what_begins_it() -> None:
    # 0.4 lies between the threshold for leaving (0.35) and the one for entering (0.5).
    assert follow([0.4] * 20) == []
    assert follow([0.9] + [0.4] * 40) == [("TurnStart", 3, 0.0)]
    assert follow([0.9] * 3 + [0.3] * 5) == [("TurnStart", 3, 0.0), ("TurnEnd", 8, 0.32)]


def test_a_pause_shorter_than_the_silence_does_not_end_a_turn() -> None:
    pause = [0.1] * 4
    assert follow([0.9] * 5 + pause + [0.9] * 5 + pause + [0.9]) == [("TurnStart", 3, 0.0)]


def test_once_quiet_only_real_speech_goes_on() -> None:
    assert follow([0.9] * 5 + [0.1] + [0.4] * 4)[1:] == [("TurnEnd", 10, 0.4)]


def test_padding_does_not_reach_before_the_start() -> None:
    assert follow([0.1, 0.9, 0.9, 0.9], start=7.0) == [("TurnStart", 4, 7.0)]


def test_padding_does_not_reach_into_the_turn_before() -> None:
    settings = TurnDetection(threshold=0.5, prefix_padding=1.0, silence=0.2)
    first, second = [0.9] * 5 + [0.1] * 5, [0.9] * 3
    assert follow(first + second, settings) == [
        ("TurnStart", 3, 0.0),
        ("TurnEnd", 10, 0.4),
        ("TurnStart", 13, 0.4),
    ]


# -------------------------------------------------------------------------------------------------------------- pauses

LOOKING = TurnDetection(threshold=0.5, prefix_padding=0.0, silence=0.4, pauses=Pauses((0.08, 0.2), 0.16))


def test_pauses_are_told_as_they_are_reached() -> None:
    assert follow([0.9] * 5 + [0.1] * 12, LOOKING) == [
        ("TurnStart", 3, 0.0),
        ("TurnPause", 7, 0.28),
        ("TurnPause", 9, 0.36),
        ("TurnPause", 10, 0.4),
        ("TurnEnd", 15, 0.6),
    ]
    detector = TurnDetector(LOOKING, frame=FRAME)
    found = [event for probability in [0.9] * 5 + [0.1] * 6 if (event := detector.feed(probability))]
    pauses = [event for event in found if isinstance(event, TurnPause)]
    assert [(round(pause.silence, 6), pause.enough) for pause in pauses] == [(0.08, False), (0.16, True), (0.2, True)]


def test_who_speaks_again_behind_a_pause_resumes() -> None:
    short, long = [0.1], [0.1] * 3
    assert follow([0.9] * 5 + short + [0.9] * 3 + long + [0.9] * 2, LOOKING) == [
        ("TurnStart", 3, 0.0),
        ("TurnPause", 11, 0.44),
        ("TurnResume", 13, 0.48),
    ]


def test_a_pause_as_long_as_the_silence_is_none() -> None:
    settings = TurnDetection(silence=0.2, prefix_padding=0.0, pauses=Pauses((0.2, 0.5), 9.0))
    assert follow([0.9] * 5 + [0.1] * 20, settings) == [("TurnStart", 3, 0.0), ("TurnEnd", 10, 0.4)]


def test_other_settings_end_the_turn_that_is_open() -> None:
    detector = TurnDetector(TurnDetection(silence=2.0), frame=FRAME)
    for probability in [0.9] * 5 + [0.1] * 10:
        detector.feed(probability)
    assert detector.speaking
    detector.adjust(SETTINGS)
    event = detector.feed(0.1)
    assert isinstance(event, TurnEnd)
    assert event.silence == pytest.approx(0.44)


@given(
    st.lists(st.floats(0, 1), max_size=300),
    st.floats(0, 1),
    st.floats(0, 2),
    st.floats(0.05, 1),
)
def test_turns_alternate_and_do_not_overlap(
    probabilities: list[float], threshold: float, padding: float, silence: float
) -> None:
    detector = TurnDetector(TurnDetection(threshold, padding, silence), frame=FRAME)
    events = [event for probability in probabilities if (event := detector.feed(probability))]
    kinds = [TurnStart, TurnEnd] * len(events)
    assert all(isinstance(event, kind) for event, kind in zip(events, kinds, strict=False))
    times = [event.at for event in events]
    assert times == sorted(times)
    assert all(0 <= at <= len(probabilities) * FRAME + 1e-9 for at in times)


IDLE = TurnDetection(threshold=0.5, prefix_padding=0.08, silence=0.2, idle=0.4)


def test_nobody_speaks_for_long_and_for_as_long_again() -> None:
    detector = TurnDetector(IDLE, frame=FRAME, start=7.0)
    waited = [event for event in (detector.feed(0.1) for _ in range(25)) if event is not None]
    assert waited == [TurnIdle(7.0, 7.4), TurnIdle(7.4, 7.8)]


def test_waiting_begins_anew_where_a_turn_ends() -> None:
    assert follow([0.1] * 9 + [0.9] * 10 + [0.1] * 15, IDLE) == [
        ("TurnStart", 12, 0.28),
        ("TurnEnd", 24, 0.96),
        ("TurnIdle", 34, 1.36),
    ]


def test_speech_that_may_become_a_turn_is_waited_for() -> None:
    began = follow([0.1] * 9 + [0.9] * 3, IDLE)
    assert began == [("TurnStart", 12, 0.28)]
    assert follow([0.1] * 9 + [0.9] * 2 + [0.1], IDLE) == [("TurnIdle", 12, 0.48)]


def test_a_turn_does_not_reach_into_the_silence_before_it() -> None:
    assert follow([0.1] * 10 + [0.9] * 5, IDLE) == [("TurnIdle", 10, 0.4), ("TurnStart", 13, 0.4)]
