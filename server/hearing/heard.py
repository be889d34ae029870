"""What is passed on of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from model.seam.streams import Likeliest


@dataclass(frozen=True, slots=True)
class Heard:
    """The next of an answer, in its order: text that was forced, and the tokens behind it with their log-probabilities.

    Forced text has no tokens here. ``likeliest``: of each token's place, where the question asks for them.
    """

    forced: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    likeliest: tuple[Likeliest, ...] = ()
