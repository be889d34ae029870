"""What is found: where an answer runs in circles, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LoopKind(StrEnum):
    """What is repeated, for metrics and notes."""

    CHARACTERS = "characters"
    WORDS = "words"
    SEGMENTS = "segments"
    TAGS = "tags"
    TIMES = "times"
    DIGITS = "digits"
    BLANKS = "blanks"
    STRUCTURE = "structure"
    RAMBLING = "rambling"
    """Nothing: it is more than anybody can say in its time."""
    WINDOWS = "windows"
    """The whole text of one window of audio, in one after the other."""


@dataclass(frozen=True, slots=True)
class Loop:
    """An answer that has lost the thread.

    Attributes:
        at: characters of the answer that had been seen when it was called.
        keep: characters of the answer in front of what runs in circles; a few first copies may stay. Inside the
            content where the loop is inside of one, else at a segment's boundary.
        unit: what is repeated, normalised: another attempt that has it too says the same. Empty where it rambles.
        certain: nobody can have said it, by the times or by the kind of text. Otherwise a suspicion: text alone does
            not tell a loop from a drill.
        kind: what is repeated.
    """

    at: int
    keep: int
    unit: str
    certain: bool
    kind: LoopKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """A loop as a tracker sees it, which knows nothing of places in the answer."""

    unit: str
    certain: bool
    kind: LoopKind
