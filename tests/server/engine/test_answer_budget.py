"""How long an answer may become, and what is reserved for it."""

from __future__ import annotations

import pytest

from model.family import VIBEVOICE_ASR
from model.seam.runner import RunnerInfo
from server.engine.budget import answer_budget, context_limit, live_answer_budget, pass_positions

DENSEST = 10.7
"""Tokens a second of a meeting of 6 to 10 speakers."""


def roomy(positions: int = 131_072) -> RunnerInfo:
    """A runner with room for so many positions in one stream."""
    return RunnerInfo("", "", VIBEVOICE_ASR, 1, positions, 131_072, frozenset(), "", "", "")


@pytest.mark.parametrize("seconds", [1, 10, 60, 600, 1800])
def test_the_densest_speech_known_fits(seconds: float) -> None:
    assert answer_budget(roomy(), seconds) > live_answer_budget(roomy(), seconds) > DENSEST * seconds + 200


@pytest.mark.parametrize("seconds", [3600, 5400])
def test_a_dense_hour_has_all_that_the_context_has_room_for(seconds: float) -> None:
    """38,000 tokens, which is more than ``generate`` would write."""
    budget = answer_budget(roomy(), seconds)
    assert budget > DENSEST * seconds
    assert budget + seconds * 7.5 + VIBEVOICE_ASR.prompt_tokens == 131_072


def test_a_script_of_three_bytes_a_character_has_room_for_fast_speech() -> None:
    """A token may stand for one byte of it."""
    assert answer_budget(roomy(), 60) > 60 * 20 * 3


def test_nobody_says_more_than_can_be_said() -> None:
    """An answer that nothing else stops does not take half an hour for a second of audio."""
    assert answer_budget(roomy(), 1) < 1_200


def test_a_tight_context_gives_what_it_has() -> None:
    budget = answer_budget(roomy(20_000), 1000)
    assert budget + 7_500 + VIBEVOICE_ASR.prompt_tokens == 20_000
    assert answer_budget(roomy(20_000), 1000, context_tokens=1_000) == budget - 1_000


def test_a_context_too_small_for_ordinary_talk_is_exceeded_so_that_the_engine_refuses() -> None:
    assert answer_budget(roomy(32_768), 3600) + 27_000 > 32_768


def test_what_is_reserved_is_less_than_what_may_come() -> None:
    """An hour of ordinary talk: 27,000 frames and some 18,000 tokens."""
    assert 27_000 + 18_000 < pass_positions(VIBEVOICE_ASR, 3600) < 50_000


@pytest.mark.parametrize(("pages", "drafts", "expected"), [(10, 0, 80), (10, 5, 75), (1000, 5, 500)])
def test_the_context_is_limited_by_pages_or_checkpoint(pages: int, drafts: int, expected: int) -> None:
    info = RunnerInfo("", "", VIBEVOICE_ASR, 8, pages, 500, frozenset(), "", "", "", draft_positions=drafts)
    assert context_limit(info) == expected
