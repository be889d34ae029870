"""How much one stream can hold, and how long an answer may become before it counts as run away."""

from __future__ import annotations

from math import ceil

from model.seam.audio import FRAME_RATE
from model.seam.runner import RunnerInfo

TOKENS_PER_SECOND = 16.0
"""Half as much again as the densest speech known: a meeting of 6 to 10 speakers wrote 10.7 tokens a second."""
EXPECTED_TOKENS_PER_SECOND = 6.0
"""Ordinary talk writes about 5."""
FIXED_TOKENS = 256
"""For brackets, tags and the slack of short recordings."""
MAX_ANSWER_TOKENS = 32_768
"""``max_new_tokens`` of the checkpoint's generation config."""
PROMPT_TOKENS = 96
"""System prompt, instruction, duration and forced start of the answer; about 70 in the checkpoint's template."""


def pass_positions(seconds: float) -> int:
    """Positions of one pass over a recording of ``seconds``: prompt and the answer that ordinary talk gives."""
    return ceil(seconds * FRAME_RATE) + PROMPT_TOKENS + _expected_tokens(seconds)


def pass_seconds(positions: int) -> float:
    """Longest recording that one pass of so many positions holds; see ``pass_positions``."""
    return max(0.0, (positions - PROMPT_TOKENS - FIXED_TOKENS - 2) / (FRAME_RATE + EXPECTED_TOKENS_PER_SECOND))


def _expected_tokens(seconds: float) -> int:
    return ceil(seconds * EXPECTED_TOKENS_PER_SECOND) + FIXED_TOKENS


def context_limit(info: RunnerInfo) -> int:
    """Positions that prompt and answer of one stream can have together, however empty the page pool is."""
    return min(info.max_positions, info.pages * info.page_size - info.draft_positions)


def answer_budget(seconds: float, limit: int) -> int:
    """``max_answer_tokens`` for a recording of ``seconds``.

    ``limit``: the ``context_limit``, less the tokens of the caller's own context and answer prefix.

    Where the limit leaves less than the generous budget, the answer gets what is left, but never less than ordinary
    talk needs: a recording for which not even that is there is refused as too long by the worker instead of being cut.
    """
    generous = ceil(seconds * TOKENS_PER_SECOND) + FIXED_TOKENS
    expected = _expected_tokens(seconds)
    room = limit - ceil(seconds * FRAME_RATE) - PROMPT_TOKENS
    return min(generous, MAX_ANSWER_TOKENS, max(room, expected))
