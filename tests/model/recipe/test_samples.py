"""Samples show what pages and tests show of them: those that are shipped, and those that the recipe takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.tiny.recipe.evaluate import Clip, certainty, load
from model.tiny.recipe.recordings import Recording, Segment, Word
from model.tiny.recipe.samples import _captioned, _suits
from model.tiny.recipe.speech.utterance import SAMPLE_RATE
from model.tiny.recipe.train import CHECKPOINT
from tests.support.samples import SAMPLES, truth


def clip(name: str, reference: list[dict[str, Any]] | None = None) -> Clip:
    """A shipped sample, with another reference if there is one."""
    path = SAMPLES / f"{name}.flac"
    samples = soundfile.read(path, dtype="float32")[0]
    return Clip(samples.astype(np.float32), truth(path) if reference is None else reference)


@pytest.mark.parametrize("name", ["short", "two_speakers", "long"])
def test_what_is_shipped_suits(name: str) -> None:
    assert _suits(name, clip(name))


def test_a_sample_of_one_has_a_silence_in_which_a_turn_ends() -> None:
    first, second = truth(SAMPLES / "short.flac")
    near, far = (second | {"Start": first["End"] + silence} for silence in (0.9, 1.6))
    late = first | {"Start": 0.7}
    for turns in ([first], [first, near], [first, far], [late, second], [first, second | {"Speaker": 1}]):
        assert not _suits("short", clip("short", turns))


def test_two_take_turns_and_the_second_is_heard_for_a_while() -> None:
    first, second, *others = truth(SAMPLES / "two_speakers.flac")
    brief = second | {"End": second["Start"] + 1.0}
    own = second | {"Speaker": 0}
    silence = {"Start": 13.0, "End": 16.1, "Content": "[Silence]"}
    again = [*others[:-1], others[-1] | {"Content": first["Content"]}]
    for turns in (
        [first, second],
        [first, brief, *others],
        [first, own, *others],
        [first, second, *again],
        [first, second, *others, silence],
    ):
        assert not _suits("two_speakers", clip("two_speakers", turns))


def test_captions_hear_it_without_its_silences() -> None:
    first, second = (Segment(at, at + 1.0, 0, (Word(0, at, at + 1.0),)) for at in (1.0, 9.0))
    noise = np.random.default_rng(0).normal(0, 0.1, 12 * SAMPLE_RATE).astype(np.float32)
    heard = _captioned(Recording(noise, [first, second]))
    assert len(heard.samples) < 6 * SAMPLE_RATE
    assert len(heard.reference) == 2


def test_noise_makes_words_less_certain() -> None:
    model, processor = load(CHECKPOINT)
    sample = clip("two_speakers")
    noise = np.random.default_rng(0).normal(0, sample.samples.std(), len(sample.samples)).astype(np.float32)
    certain, doubtful = (
        certainty(model, processor, Clip(samples, [])) for samples in (sample.samples, sample.samples + noise)
    )
    assert doubtful < certain <= 1
