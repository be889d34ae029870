"""How voices and the model's numbers are weighed, with vectors in a plane: what they are alike is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from server.recordings.known_speakers import KnownSpeakers
from server.voices.encoder import Likeness, Vector

LIKENESS = Likeness(same=0.8, different=0.7)
NAMES = {0: "Ada", 1: "Bob"}


def voice(ada: float, bob: float) -> Vector:
    """With these cosines to the clips of Ada and Bob, whose own is 0."""
    return np.array([ada, bob, np.sqrt(1 - ada**2 - bob**2)], np.float32)


def speakers() -> KnownSpeakers:
    made = KnownSpeakers(LIKENESS)
    made.learn(NAMES, {"Ada": voice(1, 0), "Bob": voice(0, 1)})
    return made


def told(made: KnownSpeakers, speaker: int, vector: Vector, seconds: float = 2.0) -> str | int:
    number = made.number(speaker, vector, seconds)
    return made.names.get(number, number)


@pytest.mark.parametrize(("ada", "name"), [(0.72, "Ada"), (0.62, "Ada"), (0.5, 2)])
def test_who_is_hardly_like_the_clip_keeps_the_name_that_the_model_says(ada: float, name: str | int) -> None:
    assert told(speakers(), 0, voice(ada, 0.1)) == name


@pytest.mark.parametrize(("seconds", "name"), [(2.0, 2), (0.5, "Ada")])
def test_what_is_short_is_less_like_anybody(seconds: float, name: str | int) -> None:
    assert told(speakers(), 0, voice(0.55, 0.1), seconds) == name


@pytest.mark.parametrize(("ada", "name"), [(0.68, 5), (0.85, "Ada")])
def test_a_name_that_the_model_does_not_say_takes_more(ada: float, name: str | int) -> None:
    assert told(speakers(), 5, voice(ada, 0.1)) == name


def test_a_number_that_was_somebody_elses_again_and_again_tells_little() -> None:
    """The model says Ada whoever speaks: of what is like nobody's clip much, then, the voice of before decides."""
    between = voice(0.64, 0.66)
    assert told(speakers(), 0, between) == "Ada"
    made = speakers()
    assert [told(made, 0, voice(0.1, 0.9)) for _ in range(8)] == ["Bob"] * 8
    assert told(made, 0, between) == "Bob"


def test_strangers_keep_the_models_numbers() -> None:
    made = speakers()
    assert [told(made, number, voice(0.1, 0.1)) for number in (4, 5, 4)] == [4, 5, 4]
