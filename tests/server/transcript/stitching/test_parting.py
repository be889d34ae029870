"""Two people whom a window has as one speaker are told apart by their voices, and nobody else is."""

from __future__ import annotations

import numpy as np
import pytest

from server.transcript.segments import Segment
from server.transcript.stitching.heard import Vector
from server.transcript.stitching.parting import mixed_speakers, parted, voices_of

SAME, DIFFERENT = 0.6, 0.45


def vectors(*people: int) -> dict[int, Vector]:
    """One for each segment, nearly the person's own."""
    draw = np.random.default_rng(0)
    own = np.eye(4, 64, dtype=np.float32)
    made = (own[person] + draw.normal(size=64).astype(np.float32) * np.float32(0.07) for person in people)
    return {place: np.asarray(vector / np.linalg.norm(vector), np.float32) for place, vector in enumerate(made)}


def segments(*said: tuple[int | None, float]) -> list[Segment]:
    """Speakers, and the seconds that each speaks."""
    return [
        Segment(place, 10.0 * place, 10.0 * place + length, who, "Yes.") for place, (who, length) in enumerate(said)
    ]


def numbers(said: list[Segment], voices: dict[int, Vector]) -> list[int | None]:
    return [segment.speaker for segment in parted(said, voices, SAME, DIFFERENT)]


def test_of_two_in_one_who_says_less_gets_the_next_number() -> None:
    said = segments((0, 5.0), (0, 4.0), (1, 6.0), (0, 4.0), (None, 3.0), (0, 3.0))
    voices = vectors(0, 2, 1, 0, 3, 2)
    assert numbers(said, voices) == [0, 2, 1, 0, None, 2]
    told = parted(said, voices, SAME, DIFFERENT)
    own = voices_of(told, voices)
    assert own[2] @ voices[1] > 0.9 > SAME > own[0] @ voices[1]
    assert sorted(own) == [0, 1, 2]


def test_whose_voice_the_window_has_besides_gets_that_number() -> None:
    assert numbers(segments((0, 5.0), (0, 4.0), (1, 6.0)), vectors(0, 1, 1)) == [0, 1, 1]


def test_short_segments_go_with_the_voice_that_they_are_most_like_and_those_without_a_vector_stay() -> None:
    said = segments((0, 5.0), (0, 4.0), (0, 0.6), (0, 0.6), (0, 4.0))
    voices = vectors(0, 1, 1, 0, 1)
    del voices[4]
    assert numbers(said, voices) == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("people", "seconds"),
    [
        ((0, 0, 0), (5.0, 4.0, 3.0)),  # one person
        ((0, 1, 0), (5.0, 2.5, 3.0)),  # too little of another one
        ((0, 1, 1), (5.0, 0.9, 0.9)),  # what is too short to tell
        ((0, 1), (5.0, 0.0)),
        ((0,), (5.0,)),
    ],
)
def test_nobody_is_parted_where_little_tells(people: tuple[int, ...], seconds: tuple[float, ...]) -> None:
    said = segments(*((0, length) for length in seconds))
    assert not mixed_speakers(said, vectors(*people), DIFFERENT)
    assert parted(said, vectors(*people), SAME, DIFFERENT) == said
    assert parted(said, {}, SAME, DIFFERENT) == said
