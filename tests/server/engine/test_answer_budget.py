"""The length at which an answer counts as run away."""

from __future__ import annotations

import pytest

from model.family import VIBEVOICE_ASR
from model.seam.runner import RunnerInfo
from server.engine.budget import answer_budget, context_limit

LARGE = 131_072


@pytest.mark.parametrize("seconds", [1, 10, 60, 600, 1800])
def test_the_densest_speech_known_fits(seconds: float) -> None:
    assert answer_budget(seconds, LARGE) > 10.7 * seconds + 200


def test_never_more_than_the_checkpoint_generates() -> None:
    assert answer_budget(3600, LARGE) == 32_768


def test_a_tight_context_gives_what_it_has() -> None:
    budget = answer_budget(1000, 20_000)
    assert 6_256 < budget < 16_256
    assert budget + 7_500 < 20_000


def test_a_context_too_small_for_ordinary_talk_is_exceeded_so_that_the_engine_refuses() -> None:
    assert answer_budget(3600, 32_768) + 27_000 > 32_768


@pytest.mark.parametrize(("pages", "drafts", "expected"), [(10, 0, 80), (10, 5, 75), (1000, 5, 500)])
def test_the_context_is_limited_by_pages_or_checkpoint(pages: int, drafts: int, expected: int) -> None:
    info = RunnerInfo("", "", VIBEVOICE_ASR, 8, pages, 500, frozenset(), "", "", "", draft_positions=drafts)
    assert context_limit(info) == expected
