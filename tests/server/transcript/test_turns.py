"""Turns of speakers: gaps that are closed, and turns that are left out."""

from __future__ import annotations

from server.transcript.segments import Segment, Transcript
from server.transcript.turns import Turn, turns


def transcript(*said: tuple[float, float, int | None, int | None]) -> Transcript:
    """Of segments with start, end, speaker and channel; the text is the segment's place."""
    segments = (
        Segment(place, start, end, speaker, str(place), channel=channel)
        for place, (start, end, speaker, channel) in enumerate(said)
    )
    return Transcript(tuple(segments), 10.0)


def spans(told: list[Turn]) -> list[tuple[float, float, str, str]]:
    return [(turn.start, turn.end, turn.speaker, turn.text) for turn in told]


def test_a_turn_within_another_one_ends_nothing() -> None:
    heard = transcript((0, 3, 0, None), (1, 2, 0, None), (3.2, 4, 0, None))
    assert spans(turns(heard, longest_gap=0.5)) == [(0, 4, "SPEAKER_00", "0 1 2")]


def test_turns_on_two_channels_stay_two() -> None:
    """One known person may be heard on both."""
    heard = Transcript(transcript((0, 1, 0, 0), (1, 2, 0, 1)).segments, 10.0, speaker_names={0: "Ada"}, channels=2)
    assert spans(turns(heard, longest_gap=1.0)) == [(0, 1, "Ada", "0"), (1, 2, "Ada", "1")]


def test_who_is_not_known_is_a_speaker_too() -> None:
    heard = Transcript((Segment(0, 0, 1, None, "hello"), Segment(1, 1, 2, 3, "there")), 10.0)
    assert [(turn.speaker, turn.number) for turn in turns(heard)] == [("SPEAKER_00", None), ("SPEAKER_01", 3)]


def test_turns_come_by_their_start() -> None:
    heard = transcript((2, 3, 0, None), (0, 1, 1, None))
    assert spans(turns(heard)) == [(0, 1, "SPEAKER_01", "1"), (2, 3, "SPEAKER_00", "0")]


def test_many_short_turns_may_make_one_that_stays() -> None:
    heard = transcript((0, 0.2, 0, None), (0.3, 0.5, 0, None), (5, 5.2, 0, None))
    assert spans(turns(heard, shortest=0.4, longest_gap=0.2)) == [(0, 0.5, "SPEAKER_00", "0 1")]
