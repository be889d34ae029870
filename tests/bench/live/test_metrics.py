"""The figures of a live session from its event log, against values computed by hand."""

from __future__ import annotations

from math import isnan

import pytest

from bench.live.metrics import Logged, delays, final_words, laal, unstable_words, upwr
from server.live.vocabulary.events import AudioHeard, Finished, Hypothesis, SegmentCommitted, WordsCommitted
from server.transcript.segments import Segment
from server.transcript.words import Word


def hypothesis(at: float, *texts: str) -> Logged:
    return Logged(at, Hypothesis(tuple(Segment(i, 0.0, 9.0, 0, text) for i, text in enumerate(texts))))


def committed(at: float, text: str) -> Logged:
    words = tuple(Word(word, 0.0, 0.0, 0) for word in text.split())
    return Logged(at, WordsCommitted(0, 0, words, text))


# What a viewer sees: "the cat" | "The cap sat" | "the cat sat on" (2 committed) | "the cat sat on it." (all committed)
LOG = [
    Logged(0.5, AudioHeard(0.5)),
    hypothesis(1.0, "the cat"),
    hypothesis(2.0, "The cap sat"),
    committed(3.0, "the cat"),
    hypothesis(3.0, "sat on"),
    Logged(3.5, AudioHeard(3.5)),
    committed(4.0, "sat on it."),
    Logged(4.0, SegmentCommitted(Segment(0, 0.0, 3.4, 0, "the cat sat on it."))),
    hypothesis(4.0),
    Logged(4.0, Finished(4.0)),
]
SAID = [Word(word, i * 0.7, (i + 1) * 0.7, 0) for i, word in enumerate(["The", "cat", "sat", "on", "mats"])]


def test_a_word_is_first_shown_where_it_stands_in_the_final_text_and_final_when_it_is_committed() -> None:
    assert [(word.text, word.shown, word.committed) for word in final_words(LOG)] == [
        ("the", 1.0, 3.0),
        ("cat", 1.0, 3.0),
        ("sat", 2.0, 4.0),
        ("on", 3.0, 4.0),
        ("it", 4.0, 4.0),
    ]


def test_the_same_word_said_again_later_was_not_shown_by_the_first_one() -> None:
    log = [
        hypothesis(1.0, "no way"),
        committed(2.0, "no way"),
        hypothesis(2.0, ""),
        hypothesis(5.0, "no"),
        committed(6.0, "no"),
    ]
    assert [word.shown for word in final_words(log)] == [1.0, 1.0, 5.0]


def test_a_word_behind_one_that_the_hypothesis_missed_counts_as_shown() -> None:
    log = [hypothesis(1.0, "cat sat"), committed(2.0, "the cat sat")]
    assert [word.shown for word in final_words(log)] == [2.0, 1.0, 1.0]


def test_delays_run_from_the_end_of_a_word_in_the_recording_and_leave_out_what_was_not_recognized() -> None:
    found = delays(SAID, final_words(LOG))
    assert found.first == pytest.approx((0.3, -0.4, -0.1, 0.2))
    assert found.final == pytest.approx((2.3, 1.6, 1.9, 1.2))
    assert found.share == 4 / 5


def test_every_word_taken_back_counts_with_those_behind_it() -> None:
    # "the cat" -> "The cap sat": 1 (cat); -> "the cat sat on": 2 (cap, sat); then nothing is taken back.
    assert unstable_words(LOG) == 3
    assert upwr(LOG) == 3 / 5


def test_a_hypothesis_that_vanishes_is_unstable_to_its_last_word() -> None:
    log = [hypothesis(1.0, "one", "two three"), hypothesis(2.0), committed(3.0, "four"), hypothesis(3.0)]
    assert upwr(log) == 3.0


def test_the_last_hypothesis_is_held_against_the_final_text() -> None:
    assert upwr([hypothesis(1.0, "one two"), committed(2.0, "one three")]) == 0.5


def test_lagging_behind_an_even_speaker() -> None:
    # Four words in 4 s: one starts every second, at 0, 1, 2, 3. All are emitted 1.5 s later; the third at 3.5 < 4, the
    # fourth at 4.5 is the first behind the end and the last that counts.
    assert laal([1.5, 2.5, 3.5, 4.5], seconds=4.0, said=4) == pytest.approx(1.5)
    # More words behind the end change nothing but the pace: 4 / 5 s now.
    assert laal([1.5, 2.5, 3.5, 4.5, 9.0], seconds=4.0, said=4) == pytest.approx((1.5 + 1.7 + 1.9 + 2.1) / 4)


def test_a_text_that_is_too_short_is_measured_by_what_was_said() -> None:
    # Ideal starts 0 and 0.5: saying less does not make the lag shorter.
    assert laal([2.0, 3.0], seconds=4.0, said=8) == pytest.approx((2.0 + 2.5) / 2)


def test_all_at_once_behind_the_end_counts_once() -> None:
    assert laal([5.0, 5.0, 5.0], seconds=4.0, said=3) == 5.0


def test_a_session_without_words_has_no_figures_and_no_error() -> None:
    log = [hypothesis(1.0, "hm"), hypothesis(2.0)]
    assert isnan(upwr(log))
    assert isnan(laal([], seconds=4.0, said=3))
    assert delays(SAID, final_words(log)).final == ()
