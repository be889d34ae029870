"""What callers add to the model's prompt: keywords, hot words, key terms, background. Joined here and nowhere else."""

from __future__ import annotations

MAX_CONTEXT_CHARACTERS = 16_384
"""What one caller may add, all together."""


class ContextTooLong(Exception):  # noqa: N818 - it is the context that is too long
    """More than ``limit`` characters. Which parameters they came in is for each protocol to say."""

    limit = MAX_CONTEXT_CHARACTERS

    def __init__(self) -> None:
        super().__init__(f"The context may have {self.limit} characters.")


def context_of(*parts: str) -> str | None:
    """The parts one per line, as the model saw them in training; None where nothing is left of them.

    Space around a part goes, empty parts too. Raises ContextTooLong.
    """
    context = "\n".join(filter(None, map(str.strip, parts)))
    if len(context) > MAX_CONTEXT_CHARACTERS:
        raise ContextTooLong
    return context or None


def context_tokens(context: str | None) -> int:
    """Tokens that ``context`` takes at most: each of them stands for a byte or more."""
    return len(context.encode()) if context else 0
