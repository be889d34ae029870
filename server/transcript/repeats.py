"""Stretches of a recording in which the model's answer ran in circles, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from server.transcript.repetition import LoopKind


class LoopOutcome(StrEnum):
    """What was done about it."""

    RETRIED = "retried"
    """It was asked for again, and the model found another way."""
    SKIPPED = "skipped"
    """That did not help: nothing is told of it."""
    KEPT = "kept"
    """Asked again the model said the same, and nothing speaks against it."""
    ENDED = "ended"
    """The text of the window of audio in which it was found ends with the first copy; nothing was asked again."""


@dataclass(frozen=True, slots=True)
class LoopFound:
    """A stretch in which an answer ran in circles, in seconds.

    Attributes:
        attempts: how often it was asked for again.
        channel: of the recording, where each was transcribed for itself.
    """

    start: float
    end: float
    kind: LoopKind
    outcome: LoopOutcome
    attempts: int
    channel: int | None = None


_NOTES = {
    LoopOutcome.RETRIED: "The model repeated itself from {:.1f} to {:.1f} s and was asked for that stretch again.",
    LoopOutcome.SKIPPED: "The model did nothing but repeat itself from {:.1f} to {:.1f} s, however often it was asked: "
    "what was said there is missing.",
    LoopOutcome.KEPT: "The model repeated itself from {:.1f} to {:.1f} s; asked again it said the same, which stands.",
    LoopOutcome.ENDED: "The model repeated itself from {:.1f} to {:.1f} s: what it said there is told once.",
}


_RAMBLING = {
    LoopOutcome.RETRIED: "The model wrote more than anybody can say from {:.1f} to {:.1f} s and was asked for that "
    "stretch again.",
    LoopOutcome.SKIPPED: "The model wrote more than anybody can say from {:.1f} to {:.1f} s, however often it was "
    "asked: what was said there is missing.",
    LoopOutcome.ENDED: "The model wrote more than anybody can say from {:.1f} to {:.1f} s: the rest of it is left out.",
}


_WINDOWS = (
    "The model wrote the same for one stretch of audio after the other up to {1:.1f} s: from {0:.1f} s on it is left "
    "out, and if anything else was said there it is missing."
)


def loop_notes(loops: Iterable[LoopFound]) -> list[str]:
    """A sentence for the caller about each."""
    return [_note(loop).format(loop.start, loop.end) for loop in loops]


def _note(loop: LoopFound) -> str:
    if loop.kind is LoopKind.WINDOWS:
        return _WINDOWS
    told = _RAMBLING if loop.kind is LoopKind.RAMBLING else _NOTES
    return told.get(loop.outcome, _NOTES[loop.outcome])


def later_loops(loops: Iterable[LoopFound], seconds: float) -> tuple[LoopFound, ...]:
    """On a clock that shows so many seconds more, which began to run at 0."""
    return tuple(
        replace(loop, start=max(0.0, loop.start + seconds), end=max(0.0, loop.end + seconds)) for loop in loops
    )
