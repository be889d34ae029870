"""The figures of a long transcript, against talks in which somebody knows what went wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.long.material import SpokenWord
from bench.long.measures import compare, words_told

SAID = [SpokenWord(f"word{n % 7}{n % 11}", n // 10 % 3, n * 0.5) for n in range(2_000)]


def test_a_perfect_transcript_under_other_numbers() -> None:
    told = [replace(word, speaker=2 - word.speaker, at=word.at + 0.3) for word in SAID]
    found = compare(SAID, told)
    assert (found.word_errors, found.attribution, found.lost, found.added) == (0, 1, (), ())


def test_speakers_that_change_their_numbers_half_way() -> None:
    told = [replace(word, speaker=(word.speaker + (word.at >= 500)) % 3) for word in SAID]
    assert compare(SAID, told).attribution == pytest.approx(0.5, abs=0.01)


def test_what_is_lost_and_doubled_is_found_where_it_happened() -> None:
    told = [*SAID[:1_000], *(replace(word, at=word.at + 0.1) for word in SAID[997:1_500]), *SAID[1_504:]]
    found = compare(SAID, told)
    assert len(found.added) == 3
    assert len(found.lost) == 4
    assert all(abs(at - 500) < 5 for at in found.added)
    assert all(abs(at - 751) < 5 for at in found.lost)
    assert found.at_seams([(490, 510), (740, 760)], 1_000) == pytest.approx(7 / 2_000)
    assert found.at_seams([(240, 260)], 1_000) == 0


def test_what_is_lost_everywhere_is_no_matter_of_seams() -> None:
    told = [word for place, word in enumerate(SAID) if place % 20]
    found = compare(SAID, told)
    assert len(found.lost) == 100
    assert found.at_seams([(at, at + 20) for at in (200, 400, 600, 800)], 1_000) < 0.002


def test_words_changed_are_neither_lost_nor_added() -> None:
    told = [replace(word, text="other") if place % 10 == 0 else word for place, word in enumerate(SAID)]
    found = compare(SAID, told)
    assert (found.changed, found.lost, found.added) == (200, (), ())
    assert found.word_errors == pytest.approx(0.1)


@pytest.mark.parametrize("told", [[], SAID[:3], SAID[-3:]])
def test_next_to_nothing_is_told(told: list[SpokenWord]) -> None:
    assert compare(SAID, told).told == len(told)
    assert compare(told, SAID).words == len(told)


def test_words_of_an_answer() -> None:
    segments: list[dict[str, Any]] = [
        {"start": 0.0, "end": 1.0, "speaker": "B", "text": "Good morning."},
        {"start": 1.0, "end": 4.0, "speaker": None, "text": "[Music]"},
        {"start": 4.0, "end": 5.0, "speaker": "A", "text": "Yes"},
    ]
    assert words_told(segments) == [
        SpokenWord("good", 0, 0.25),
        SpokenWord("morning", 0, 0.75),
        SpokenWord("yes", 1, 4.5),
    ]
