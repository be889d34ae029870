"""How much one stream can hold, what is reserved for it, and how long an answer may become.

Nobody knows how long an answer will be. So there are two figures: what ordinary talk needs, which is reserved, and what
an answer may have, which is all that the context has room for. One that outgrows what was reserved gets more of the
page pool as it is written; see ``server.engine.worker.scheduler``.
"""

from __future__ import annotations

from math import ceil

from model.family import Family
from model.seam.runner import RunnerInfo
from server.engine.settings import EngineSettings

EXPECTED_TOKENS_PER_SECOND = 6.0
"""Ordinary talk writes about 5."""
LIVE_TOKENS_PER_SECOND = 16.0
"""Half as much again as the densest speech known: a meeting of 6 to 10 speakers wrote 10.7 tokens a second."""
FIXED_TOKENS = 256
"""For brackets, tags and the slack of short recordings."""
UTTERABLE_TOKENS_PER_SECOND = 64.0
"""More than can be said: twenty characters a second, each of three bytes, each byte a token."""
UTTERABLE_FIXED_TOKENS = 1024
_MOMENT = 1e-3
"""Seconds of audio that begin a frame, or a window, which counts whole."""
_MOST_FOR_LIVE = 0.25
"""Of all pages, for live streams that may come."""


def pass_positions(family: Family, seconds: float) -> int:
    """Positions of one pass over a recording of ``seconds``: prompt and the answer that ordinary talk gives.

    They are what is reserved for it.
    """
    return _prompt_positions(family, seconds) + expected_tokens(seconds)


def pass_seconds(family: Family, positions: int) -> float:
    """Longest recording that one pass of so many positions holds; see ``pass_positions``."""
    rate = family.geometry.position_rate + EXPECTED_TOKENS_PER_SECOND
    started = max(2, family.geometry.positions(_MOMENT))
    return max(0.0, (positions - family.prompt_tokens - FIXED_TOKENS - started) / rate)


def work_seconds(family: Family, seconds: float, prompt_tokens: int = 0) -> float:
    """What a recording costs, in seconds of audio: its own, and those that its caller's prompt weighs.

    A token of a prompt is a position of the KV cache like any other: it is computed once and held until the answer's
    end. A second of audio takes the positions of its frames and the tokens of ordinary talk. What the encoders do
    for audio, and nobody does for a prompt, is left out: it is the memory that runs short first.
    """
    return seconds + prompt_tokens / (family.geometry.position_rate + EXPECTED_TOKENS_PER_SECOND)


def context_limit(info: RunnerInfo) -> int:
    """Positions that prompt and answer of one stream can have together, however empty the page pool is."""
    return min(info.max_positions, info.pages * info.page_size - info.draft_positions)


def context_room(info: RunnerInfo, seconds: float, *, answer_tokens: int | None = None) -> int:
    """Tokens that a caller's context may have beside ``seconds`` of audio and its answer: at most so many tokens, or
    else what ordinary talk needs. Below 0 where not even audio and answer fit.
    """
    answer = expected_tokens(seconds)
    if answer_tokens is not None:
        answer = min(answer, answer_tokens)
    return context_limit(info) - _prompt_positions(info.family, seconds) - answer


def answer_budget(info: RunnerInfo, seconds: float, *, context_tokens: int = 0) -> int:
    """The most tokens of an answer to ``seconds`` of audio and a caller's context of so many tokens.

    All that the context has room for, short of what nobody can have said: that has run away. Never less than ordinary
    talk needs: a recording for which not even that is there is refused as too long by the worker instead of being cut.
    """
    utterable = ceil(seconds * UTTERABLE_TOKENS_PER_SECOND) + UTTERABLE_FIXED_TOKENS
    room = context_limit(info) - context_tokens - _prompt_positions(info.family, seconds)
    return min(utterable, max(room, expected_tokens(seconds)))


def live_answer_budget(info: RunnerInfo, seconds: float, *, context_tokens: int = 0) -> int:
    """The same for live audio, where somebody waits for each word and all of it is reserved: an answer that is longer
    than the densest speech has run away earlier.
    """
    dense = ceil(seconds * LIVE_TOKENS_PER_SECOND) + FIXED_TOKENS
    return min(dense, answer_budget(info, seconds, context_tokens=context_tokens))


def live_positions(info: RunnerInfo, seconds: float) -> int:
    """Positions that are reserved for a live stream of ``seconds`` without a caller's context."""
    return _prompt_positions(info.family, seconds) + live_answer_budget(info, seconds)


def live_pages(info: RunnerInfo, settings: EngineSettings) -> int:
    """Pages that files leave to live streams."""
    wanted = settings.live_streams * pages_for(info, live_positions(info, settings.live_seconds))
    return min(wanted, int(_MOST_FOR_LIVE * info.pages))


def expected_tokens(seconds: float) -> int:
    """Of the answer to ordinary talk."""
    return ceil(seconds * EXPECTED_TOKENS_PER_SECOND) + FIXED_TOKENS


def pages_for(info: RunnerInfo, positions: int) -> int:
    """Pages that a stream of so many positions takes, with room for guesses while they are verified."""
    return -(-(positions + info.draft_positions) // info.page_size)


def _prompt_positions(family: Family, seconds: float) -> int:
    return family.geometry.positions(seconds) + family.prompt_tokens
