"""What callers add to the model's prompt: keywords, hot words, key terms, background. Joined and limited here alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

MAX_CONTEXT_CHARACTERS: Final = 16_384
"""What one caller may add, all together."""
MAX_CONTEXT_PARTS: Final = 1_000
"""How many key terms, keywords and the like. Five thousand of a letter each are a prompt of ten thousand tokens, which
takes the model longer than an hour of audio and tells it nothing. Deepgram takes 500 tokens of key terms."""


class ContextTooLong(Exception):  # noqa: N818 - it is the context that is too long
    """More than there is room for.

    ``limit`` says how much may be, to go on from the names of the parameters that it came in, which each protocol
    knows: "may have 16384 characters".
    """

    def __init__(self, limit: str) -> None:
        super().__init__(f"The context {limit}.")
        self.limit = limit

    @classmethod
    def at_all(cls) -> Self:
        """Of one that is so long that nobody has counted it."""
        return cls(f"may have {MAX_CONTEXT_CHARACTERS} characters")


def context_of(*parts: str) -> str | None:
    """The parts one per line, as the model saw them in training; None where nothing is left of them.

    Space around a part goes, empty parts too. Raises ContextTooLong.
    """
    told = list(filter(None, map(str.strip, parts)))
    if len(told) > MAX_CONTEXT_PARTS:
        raise ContextTooLong(f"may have {MAX_CONTEXT_PARTS} entries, not {len(told)}")
    context = "\n".join(told)
    if len(context) > MAX_CONTEXT_CHARACTERS:
        raise ContextTooLong(f"may have {MAX_CONTEXT_CHARACTERS} characters, not {len(context)}")
    return context or None


def context_tokens(context: str | None) -> int:
    """Tokens that ``context`` takes at most: each of them stands for a byte or more."""
    return len(context.encode()) if context else 0


@dataclass(frozen=True, slots=True)
class ContextRoom:
    """What there is room for in a prompt, beside the audio that is heard at once and an answer to it.

    Attributes:
        tokens: that a context may have.
        seconds: of that audio.
        count: the tokens of a text; of a long one it takes some milliseconds.
    """

    tokens: int
    seconds: float
    count: Callable[[str], int]

    def check(self, context: str | None) -> None:
        """Raise ContextTooLong for one that does not fit."""
        if context is not None and context_tokens(context) > self.tokens:
            self.check_tokens(self.count(context))

    def check_tokens(self, tokens: int) -> None:
        """The same where the tokens of the context were counted before."""
        if tokens > self.tokens:
            beside = f" beside {self.seconds:.0f} s of audio" if self.seconds else ""
            raise ContextTooLong(f"may have {max(0, self.tokens)} tokens{beside}, not {tokens}")


ANY_ROOM: Final = ContextRoom(sys.maxsize, 0.0, len)
"""Where nobody knows the model: the characters alone are limited."""
