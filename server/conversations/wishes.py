"""What a caller wants to hear from the model about a recording, whichever protocol it came by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation whose next words are the assistant's.

    Attributes:
        said: what user and assistant said by turns, the user first and last; the recording stands in front of all. The
            first words may be none: then they are the model's own request for a transcription.
        prefix: how the answer begins. The answer goes on behind it, and does not repeat it.
        temperature: 0 takes the likeliest tokens; above, they are drawn.
        top_p: of drawn ones only from the likeliest, which have this much of the probability together.
        seed: of the drawing.
        max_tokens: after which the answer is cut, where that is less than there is room for.
        stop: texts in front of which it ends.
        system: stands in place of the template's own system text; none leaves that.
        likeliest: with each token so many likeliest ones of its place are told, up to ``MOST_LIKELY``.
    """

    said: tuple[str, ...]
    prefix: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    system: str = ""
    likeliest: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """All that is said in it."""
        return (self.system, *self.said, self.prefix)
