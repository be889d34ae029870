"""What speakers sound like, and who sounds like somebody. Vectors lie on a circle, so cosines are chosen."""

from __future__ import annotations

from math import acos, cos, pi, sin

import numpy as np
import pytest

from server.voices.encoder import Likeness, Vector
from server.windows.vouching import Said, Vouching

LIKENESS = Likeness(same=0.8, different=0.6)


def at(angle: float) -> Vector:
    return np.array([cos(angle), sin(angle)], np.float32)


def said(speaker: int, angle: float, seconds: float = 4.0) -> Said:
    return Said(speaker, at(angle), seconds)


ALIKE, LESS_ALIKE = acos(0.9), acos(0.68)
"""Angles between two vectors: of one voice for certain, and of what may be one or two."""


def test_a_double_neither_competes_with_whom_it_is_nor_is_recognised() -> None:
    vouching = Vouching(LIKENESS, [said(0, 0.0), said(1, pi), said(2, ALIKE)])
    assert vouching.doubles == {2}
    assert vouching.trust(said(0, ALIKE)) > 0
    assert vouching.speaker_of(at(ALIKE), sure=False) == 0


def test_of_a_few_words_nobody_is_taken_for_another() -> None:
    assert not Vouching(LIKENESS, [said(0, 0.0), said(1, pi), said(2, ALIKE, seconds=2.0)]).doubles


@pytest.mark.parametrize(("others", "found"), [([said(1, pi), said(2, pi / 2)], 0), ([], None)])
def test_where_others_are_surely_different_less_likeness_is_enough(others: list[Said], found: int | None) -> None:
    """But never where somebody has to be sure."""
    vouching = Vouching(LIKENESS, [said(0, 0.0), *others])
    assert vouching.speaker_of(at(-LESS_ALIKE), sure=False) == found
    assert vouching.speaker_of(at(-LESS_ALIKE), sure=True) is None
    assert vouching.speaker_of(at(-ALIKE), sure=True) == 0


def test_what_is_in_another_voice_counts_for_nothing_in_a_voice() -> None:
    vouching = Vouching(LIKENESS, [said(0, 0.0), said(0, 0.1), said(0, 2.0, seconds=5.0), said(1, pi)])
    assert vouching.trust(said(0, 0.05)) > 0 > vouching.trust(said(0, 2.0))
