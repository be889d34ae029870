"""How it is counted."""

from __future__ import annotations

from dataclasses import dataclass

COLLAR = 0.25
"""Seconds, as in NIST's evaluations."""
WORD_COLLAR = 5.0
"""Seconds, as MeetEval has it by default and CHiME-7 and -8 used it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How it is counted.

    Attributes:
        language: what is spoken, as a language tag; None: the reference tells.
        collar: of DER, in seconds.
        word_collar: of tcpWER, in seconds.
    """

    language: str | None = None
    collar: float = COLLAR
    word_collar: float = WORD_COLLAR
