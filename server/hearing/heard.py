"""What is passed on of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from model.seam.streams import Likeliest


@dataclass(frozen=True, slots=True)
class Heard:
    """The next of an answer, in its order: text that was forced, and the tokens behind it with their log-probabilities.

    Forced text has no tokens here.

    Attributes:
        likeliest: of each token's place, where the question asks for them.
        behind: where text was forced behind others' tokens, all tokens of the answer up to its end, as they stand now.
    """

    forced: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    likeliest: tuple[Likeliest, ...] = ()
    behind: tuple[int, ...] | None = None
