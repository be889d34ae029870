"""What an operator is told whose GPU has too little memory: in minutes of audio, and with what would help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from model.family import Family
from server.engine.budget import pass_positions, pass_seconds

_GIB = 1 << 30


class Plan(Protocol):
    """The part of ``model.memory.plan.MemoryPlan`` that is told."""

    @property
    def available(self) -> int: ...
    @property
    def parts(self) -> Mapping[str, int]: ...
    @property
    def position(self) -> int: ...


class Shortage(Protocol):
    """The part of ``model.memory.plan.NotEnoughMemoryError`` that is told."""

    @property
    def plan(self) -> Plan: ...
    @property
    def positions(self) -> int: ...
    @property
    def with_weights(self) -> Mapping[Any, int]: ...


def shortage(error: Shortage, family: Family, min_audio_seconds: float) -> str:
    """One sentence: what there is, what takes it, how much audio is left, and which flag or card would do."""
    plan = error.plan
    parts = ", ".join(f"{name} {size / _GIB:.2f}" for name, size in plan.parts.items() if size)
    room = _minutes(family, error.positions)
    return (
        f"The GPU's memory of {plan.available / _GIB:.2f} GiB has room for {room} of audio in one "
        f"pass and --min-audio-minutes asks for {min_audio_seconds / 60:g} ({parts}): "
        f"{_help(error, family, min_audio_seconds)}."
    )


def _help(error: Shortage, family: Family, min_audio_seconds: float) -> str:
    least = pass_positions(family, min_audio_seconds)
    if enough := {name: positions for name, positions in error.with_weights.items() if positions >= least}:
        choices = (f"--weights {name} ({_minutes(family, positions)})" for name, positions in enough.items())
        return "take " + " or ".join(choices)
    missing = sum(error.plan.parts.values()) + least * error.plan.position - error.plan.available
    return (
        f"take a card with {max(0.1, missing / _GIB):.1f} GiB more, smaller --max-rows and --prefill-positions, "
        "or a smaller --min-audio-minutes"
    )


def _minutes(family: Family, positions: int) -> str:
    return f"{int(pass_seconds(family, positions) / 60)} minutes"
