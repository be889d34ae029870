"""What is compared: who said what when, as a reference and as a transcript have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that one speaker says.

    Attributes:
        text: empty where it is only known that somebody speaks.
        start, end: seconds from the recording's beginning; None where nobody noted them.
        speaker: None where nobody noted who it is.
    """

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None

    @property
    def span(self) -> tuple[float, float] | None:
        """Start and end, where both are known."""
        return None if self.start is None or self.end is None else (self.start, self.end)


@dataclass(frozen=True, slots=True)
class Reference:
    """What was said in a recording.

    Attributes:
        turns: with their words; empty where only it is known who speaks when.
        speech: who speaks when, where that stands for itself, as in an RTTM file; None: in ``turns``.
    """

    turns: Sequence[Turn]
    speech: Sequence[Turn] | None = None


def in_order(turns: Sequence[Turn]) -> list[Turn]:
    """By their starts, those that begin together as they stand; as they stand where a start is not known."""
    if any(turn.start is None for turn in turns):
        return list(turns)
    return sorted(turns, key=lambda turn: turn.start or 0.0)


def by_speaker(turns: Sequence[Turn]) -> dict[str, list[Turn]]:
    """The turns of each, in order. Who is not known is one speaker, called by an empty name."""
    found: dict[str, list[Turn]] = {}
    for turn in in_order(turns):
        found.setdefault(turn.speaker or "", []).append(turn)
    return found


def are_timed(turns: Sequence[Turn]) -> bool:
    """There are some, and of all of them is known when they are said."""
    return bool(turns) and all(turn.span is not None for turn in turns)


def are_attributed(turns: Sequence[Turn]) -> bool:
    """There are some, and of all of them is known who says them."""
    return bool(turns) and all(turn.speaker is not None for turn in turns)
