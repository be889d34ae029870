"""What an engine can hold: asked before any work, told at the start, exported. Computed from what its runner says."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

from model.seam.runner import RunnerInfo
from server.engine.budget import (
    context_limit,
    context_room,
    expected_tokens,
    live_pages,
    live_positions,
    pages_for,
    pass_positions,
    pass_seconds,
)
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.engine.settings import EngineSettings

LENGTHS = (60, 600, 3600)
"""Seconds of the recordings of which it is told how many there can be at once."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there can be at once, by memory and rows alone; how fast it is answered is another matter.

    Attributes:
        recording_seconds: longest recording that is heard at all; infinite where long ones come in windows.
        pass_seconds: longest recording that is heard in one pass.
        window_seconds: longest that is heard at once, in one pass or as a window of something longer.
        recordings: by their length in seconds, one of ``LENGTHS``: as many are worked on at once.
        live_sessions: of one channel, each with a whole window.
    """

    recording_seconds: float
    pass_seconds: float
    window_seconds: float
    recordings: dict[int, int]
    live_sessions: int

    @classmethod
    def of(cls, info: RunnerInfo, settings: EngineSettings) -> Capacity:
        """Of an engine with such a runner, run like this."""
        longest = pass_seconds(info.family, context_limit(info))
        by_turns = info.family.turns is not None  # it is heard in one pass, however long windows are
        windowed = isfinite(settings.window_seconds) and not by_turns
        window = min(longest, settings.window_seconds) if windowed else longest
        heard = {length: min(length, window) if windowed else length for length in LENGTHS}
        at_once = {length: _recordings(info, settings, seconds) for length, seconds in heard.items()}
        return cls(longest if by_turns else inf, longest, window, at_once, _live_sessions(info, settings))

    def sentence(self, longest: float) -> str:
        """For the start. ``longest``: seconds of a recording that the settings let in, in however many windows."""
        longest = min(longest, self.recording_seconds)
        recordings = ", ".join(f"{count} of {length // 60} min" for length, count in self.recordings.items())
        return (
            f"recordings of up to {_minutes(longest)}, {_minutes(self.window_seconds)} of it heard at once; at once "
            f"{recordings}; or {self.live_sessions} live sessions"
        )


def check_pass(info: RunnerInfo, seconds: float, *, context_tokens: int = 0, answer_tokens: int | None = None) -> None:
    """Raise EngineError (TOO_LONG) where audio that is to be heard at once never fits, however empty the engine is.

    Args:
        info: of the runner.
        seconds: of audio: a recording's, or those of one of its windows.
        context_tokens: of the caller's prompt.
        answer_tokens: after which the caller wants the answer to end.
    """
    room = context_room(info, seconds, answer_tokens=answer_tokens) - context_tokens
    if room >= 0:
        return
    limit, answer = context_limit(info), expected_tokens(seconds)
    wanted = limit - room
    longest = pass_seconds(info.family, limit - context_tokens)
    shorter = "shorter windows (--window-minutes) or " if info.family.turns is None else ""
    raise EngineError(
        FailureCode.TOO_LONG,
        f"{seconds:.0f} s of audio heard at once take {wanted} positions (prompt, audio and an answer of "
        f"{min(answer, answer_tokens or answer)} tokens), and this server has room for {limit}, which is "
        f"{int(longest)} s: send less at once, or let whoever runs the server give it {shorter}more memory "
        "(--kv-positions, --weights nf4, a larger GPU).",
    )


def longest_pass(info: RunnerInfo, *, answer_tokens: int | None = None) -> float:
    """Seconds of the longest audio that `check_pass` lets pass, likewise."""
    limit = context_limit(info)
    longest = pass_seconds(info.family, limit)
    if answer_tokens is not None:
        left = max(0, limit - info.family.prompt_tokens - answer_tokens - 1)  # callers may have any number
        longest = max(longest, left / info.geometry.position_rate)
    return longest


def _recordings(info: RunnerInfo, settings: EngineSettings, seconds: float) -> int:
    """As the scheduler admits them: the first takes what it needs, the others leave pages to live sessions."""
    positions = pass_positions(info.family, seconds)
    if positions > context_limit(info):
        return 0
    fit = (info.pages - live_pages(info, settings)) // pages_for(info, positions)
    return min(max(1, fit), settings.steps.within(info.largest_step).max_rows)


def _live_sessions(info: RunnerInfo, settings: EngineSettings) -> int:
    positions = live_positions(info, settings.live_seconds)
    if positions > context_limit(info):
        return 0
    return min(info.pages // pages_for(info, positions), settings.live_streams)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
