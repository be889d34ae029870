"""Who is who in the next window: by words that both heard, by voices, and where nothing tells the label says so."""

from __future__ import annotations

import numpy as np
import pytest

from server.transcript.formats.diarization import render_diarization
from server.transcript.formats.diarized_json import render_diarized_json
from server.transcript.formats.srt import render_srt
from server.transcript.formats.subtitles.options import SubtitleOptions
from server.transcript.formats.verbose_json import render_verbose_json
from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Transcript
from server.transcript.stitching.assignment import best_pairs
from server.transcript.stitching.heard import HeardWindow, Vector
from server.transcript.stitching.stitcher import Stitcher
from server.transcript.turns import turns
from tests.server.transcript.stitching.test_seams import window

GREET, ANSWER = "Good morning to everybody in this room.", "We have been waiting for an hour already."


def voiced(heard: HeardWindow, voices: dict[int, Vector]) -> HeardWindow:
    return HeardWindow(heard.start, heard.end, heard.segments, voices)


def numbers(*windows: HeardWindow) -> tuple[dict[str, int | None], Stitcher]:
    """Speakers by what they say."""
    stitcher = Stitcher(10.0)
    found = [segment for each in windows for segment in stitcher.add(each)] + stitcher.finish()
    return {segment.text: segment.speaker for segment in found}, stitcher


def test_who_says_the_same_words_is_the_same_whatever_the_number() -> None:
    a = window(0.0, 30.0, (20.5, 24.0, 0, GREET), (24.5, 29.0, 1, ANSWER))
    b = window(20.0, 60.0, (20.5, 24.0, 1, GREET), (24.5, 29.0, 0, ANSWER), (40.0, 42.0, 0, "So what now?"))
    assert numbers(a, b)[0] == {GREET: 0, ANSWER: 1, "So what now?": 1}


def test_words_that_all_said_outweigh_a_voice_that_seems_another() -> None:
    one, other = np.eye(2, 8, dtype=np.float32)
    a = voiced(window(0.0, 30.0, (20.5, 24.0, 0, GREET), (24.5, 29.0, 1, ANSWER)), {0: one, 1: other})
    b = voiced(window(20.0, 60.0, (20.5, 24.0, 0, GREET), (24.5, 29.0, 1, ANSWER)), {0: other, 1: one})
    assert numbers(a, b)[0] == {GREET: 0, ANSWER: 1}


def test_who_is_silent_in_the_overlap_is_known_by_the_voice_and_is_nobody_who_is_there() -> None:
    draw = np.random.default_rng(0)
    own = draw.normal(size=(3, 192)).astype(np.float32) + draw.normal(size=192).astype(np.float32) * 0.7

    def near(person: int) -> Vector:
        return np.asarray(own[person] + draw.normal(size=192) * 0.7, np.float32)

    a = window(0.0, 30.0, (1.0, 5.0, 0, "Who left the door open?"), (6.0, 12.0, 1, "I did."), (22.0, 29.0, 2, ANSWER))
    b = window(20.0, 90.0, (22.0, 29.0, 0, ANSWER), (40.0, 45.0, 1, "Then close it."), (50.0, 58.0, 2, "No."))
    found, stitcher = numbers(
        voiced(a, {0: near(0), 1: near(1), 2: near(2)}), voiced(b, {0: near(2), 1: near(1), 2: near(0)})
    )
    assert (found["Then close it."], found["No."]) == (1, 0)
    assert not stitcher.doubtful


def test_a_new_voice_gets_the_next_number_and_no_doubt() -> None:
    one, other = np.eye(2, 8, dtype=np.float32)
    a = voiced(window(0.0, 30.0, (1.0, 9.0, 4, GREET)), {4: one})
    b = voiced(window(20.0, 60.0, (40.0, 48.0, 0, ANSWER)), {0: other})
    found, stitcher = numbers(a, b)
    assert found == {GREET: 4, ANSWER: 5}
    assert not stitcher.doubtful
    assert not stitcher.notes


def test_numbers_hold_over_many_windows_though_somebody_is_long_away() -> None:
    voices = np.eye(3, 8, dtype=np.float32)
    first = voiced(window(0.0, 30.0, (1.0, 5.0, 0, GREET), (6.0, 9.0, 1, ANSWER)), {0: voices[0], 1: voices[1]})
    between = [
        voiced(window(at - 5.0, at + 30.0, (at + 5.0, at + 9.0, 0, f"Number {at}.")), {0: voices[2]})
        for at in (30, 60, 90)
    ]
    last = voiced(
        window(115.0, 150.0, (130.0, 134.0, 0, "I am back."), (135.0, 139.0, 1, "I too.")), {0: voices[1], 1: voices[0]}
    )
    found, _ = numbers(first, *between, last)
    assert found == {
        GREET: 0,
        ANSWER: 1,
        "Number 30.": 2,
        "Number 60.": 2,
        "Number 90.": 2,
        "I am back.": 1,
        "I too.": 0,
    }


@pytest.fixture
def doubted() -> Transcript:
    """Somebody is heard in the second window alone who may be the one heard in the first alone."""
    a = window(0.0, 30.0, (1.0, 4.0, 0, "Who is there?"), (5.0, 9.0, 1, "It is me."), (22.0, 29.0, 0, GREET))
    b = window(20.0, 90.0, (22.0, 29.0, 0, GREET), (40.0, 45.0, 1, ANSWER))
    stitcher = Stitcher(10.0)
    segments = [*stitcher.add(a), *stitcher.add(b), *stitcher.finish()]
    return Transcript(tuple(segments), 90.0, notes=tuple(stitcher.notes))


def test_where_nothing_tells_two_apart_there_is_a_new_number_and_a_note(doubted: Transcript) -> None:
    assert [(segment.speaker, segment.doubtful) for segment in doubted.segments] == [
        (0, False),
        (1, False),
        (0, False),
        (2, True),
    ]
    (note,) = doubted.notes
    assert "40 s" in note


def test_captions_doubt_in_the_label_and_json_beside_it(doubted: Transcript) -> None:
    captions = render_srt(doubted, SubtitleOptions())
    assert "Speaker 3?: We have" in captions
    assert "Speaker 2: It is me." in captions
    for body in (render_diarized_json(doubted), render_verbose_json(doubted, temperature=0.0)):
        segments = body["segments"]
        assert isinstance(segments, list)
        assert [segment["speaker"] for segment in segments] == ["A", "B", "A", "C"]
        assert [segment.get("speaker_in_doubt") for segment in segments] == [None, None, None, True]


@pytest.mark.parametrize("longest_gap", [0.0, 60.0])
def test_who_spoke_when_is_doubted_as_what_was_said(doubted: Transcript, longest_gap: float) -> None:
    told = turns(doubted, longest_gap=longest_gap)
    segments = render_diarization(doubted, told, with_text=False, verbose=False)["segments"]
    assert isinstance(segments, list)
    doubts = {segment["speaker"]: segment.get("speaker_in_doubt") for segment in segments}
    assert doubts == {"SPEAKER_00": None, "SPEAKER_01": None, "SPEAKER_02": True}


def test_a_known_name_is_not_doubted() -> None:
    labels = SpeakerLabels({2: "Ada"})
    assert labels.caption(2, doubtful=True) == "Ada"
    assert labels.caption(5, doubtful=True) == "Speaker 1?"


def test_everybody_is_new_where_each_other_voice_is_taken() -> None:
    """Two of one window are never one, so nobody is left whom the third could be."""
    a = window(0.0, 30.0, (20.5, 24.0, 0, GREET), (24.5, 29.0, 1, ANSWER))
    b = window(20.0, 60.0, (20.5, 24.0, 0, GREET), (24.5, 29.0, 1, ANSWER), (40.0, 42.0, 2, "Me too."))
    found, stitcher = numbers(a, b)
    assert found["Me too."] == 2
    assert not stitcher.doubtful


def test_the_best_pairs_are_best_together() -> None:
    assert best_pairs([[5.0, 4.0], [4.0, 1.0]]) == {0: 1, 1: 0}
    assert best_pairs([[1.0, -3.0], [-1.0, -2.0]]) == {0: 0}
    assert best_pairs([[2.0], [3.0], [0.0]]) == {1: 0}
    assert best_pairs([]) == {}
    assert best_pairs([[], []]) == {}


def test_vectors_of_other_lengths_and_figures_that_are_none_tell_nothing() -> None:
    a = voiced(window(0.0, 30.0, (1.0, 9.0, 0, GREET)), {0: np.ones(4, np.float32), 7: np.ones(4, np.float32)})
    b = voiced(window(20.0, 60.0, (40.0, 48.0, 0, ANSWER)), {0: np.full(8, np.nan, np.float32)})
    found, stitcher = numbers(a, b)
    assert found == {GREET: 0, ANSWER: 1}
    assert stitcher.doubtful == {1}


def test_a_segment_that_is_clearly_somebody_elses_is_his() -> None:
    """One and other are heard in the first window; the second has all that both say as one speaker's."""
    one, other = np.eye(2, 8, dtype=np.float32)
    a = voiced(window(0.0, 30.0, (20.5, 24.0, 0, GREET), (24.5, 29.0, 1, ANSWER)), {0: one, 1: other})
    said = window(20.0, 60.0, (24.5, 29.0, 0, ANSWER), (40.0, 42.0, 0, "So what now?"), (50.0, 50.9, 0, "Well."))
    mixed = np.asarray(one * 2 + other * 4.5, np.float32)

    def told(*clips: Vector) -> dict[str, int | None]:
        heard = HeardWindow(said.start, said.end, said.segments, {0: mixed}, dict(enumerate(clips)))
        return numbers(a, heard)[0]

    assert told(other, one, one) == {GREET: 0, ANSWER: 1, "So what now?": 0, "Well.": 1}, "too short to tell"
    assert told(other, mixed, one)["So what now?"] == 1
    assert told(one, one, one) == {GREET: 0, ANSWER: 1, "So what now?": 1, "Well.": 1}, "words know better"
