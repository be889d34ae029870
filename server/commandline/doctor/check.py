"""A line of the doctor's: what was looked at, how it is, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and not as it should."""
    FAIL = "fail"
    """A server does not start, or not as its settings say."""


@dataclass(frozen=True, slots=True)
class Check:
    """``told``: what was found. ``cure``: what to do about it, where there is something to do."""

    name: str
    state: State
    told: str
    cure: str = ""


def ok(name: str, told: str) -> Check:
    """Nothing to do."""
    return Check(name, State.OK, told)


def warn(name: str, told: str, cure: str) -> Check:
    """Something to think about."""
    return Check(name, State.WARN, told, cure)


def fail(name: str, told: str, cure: str) -> Check:
    """Something to mend."""
    return Check(name, State.FAIL, told, cure)
