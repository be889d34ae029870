"""What the bench of quantised weights says of weights that are the same, close, and wrong."""

from __future__ import annotations

import pytest
import torch

from bench.parts.deviation import Deviation, Reading, read
from model.loading.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def reference() -> list[Reading]:
    torch.set_num_threads(1)
    return read(load_checkpoint("tiny", device="cpu", dtype="float32"), tokens=16)


def test_the_same_weights_do_not_deviate(reference: list[Reading]) -> None:
    assert [len(reading.scores) for reading in reference] == [16, 16]
    assert all(reading.scores.argmax(-1).tolist() == reading.answer for reading in reference)
    assert Deviation.between(reference, reference) == Deviation(1.0, None, 0.0)


def test_int8_is_close(reference: list[Reading]) -> None:
    checkpoint = load_checkpoint("tiny", device="cpu", dtype="float32", weights="int8")
    found = Deviation.between(reference, read(checkpoint, [reading.answer for reading in reference]))
    assert found.agreement > 0.95
    assert 0 < found.error < 0.02


def test_the_first_difference_is_told(reference: list[Reading]) -> None:
    scores = reference[1].scores.clone()
    scores[3, 7] = 1000.0
    found = Deviation.between(reference, [reference[0], Reading(reference[1].answer, scores)])
    assert found.first == 16 + 3
    assert found.agreement == pytest.approx(31 / 32)
    assert found.error > 0.1
