"""The length at which an answer counts as run away."""

from __future__ import annotations

import pytest

from model.family import VIBEVOICE_ASR
from model.seam.runner import RunnerInfo
from server.engine.budget import answer_budget, context_limit


def roomy(positions: int = 131_072) -> RunnerInfo:
    """A runner with room for so many positions in one stream."""
    return RunnerInfo("", "", VIBEVOICE_ASR, 1, positions, 131_072, frozenset(), "", "", "")


@pytest.mark.parametrize("seconds", [1, 10, 60, 600, 1800])
def test_the_densest_speech_known_fits(seconds: float) -> None:
    assert answer_budget(roomy(), seconds) > 10.7 * seconds + 200


def test_never_more_than_the_checkpoint_generates() -> None:
    assert answer_budget(roomy(), 3600) == 32_768


def test_a_tight_context_gives_what_it_has() -> None:
    budget = answer_budget(roomy(20_000), 1000)
    assert 6_256 < budget < 16_256
    assert budget + 7_500 < 20_000
    assert answer_budget(roomy(20_000), 1000, context_tokens=1_000) == budget - 1_000


def test_a_context_too_small_for_ordinary_talk_is_exceeded_so_that_the_engine_refuses() -> None:
    assert answer_budget(roomy(32_768), 3600) + 27_000 > 32_768


@pytest.mark.parametrize(("pages", "drafts", "expected"), [(10, 0, 80), (10, 5, 75), (1000, 5, 500)])
def test_the_context_is_limited_by_pages_or_checkpoint(pages: int, drafts: int, expected: int) -> None:
    info = RunnerInfo("", "", VIBEVOICE_ASR, 8, pages, 500, frozenset(), "", "", "", draft_positions=drafts)
    assert context_limit(info) == expected
