"""How probable the tokens were that say a text, by what each of them says of it: so every word has its own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Of the tokens of a text, in order, as far as they are known.

    Places in the text are counted in what is seen, as those of `TextLogprobs` are: texts are compared, cut and joined
    again with other spaces. A token may say several words, and a character may take several tokens.

    Attributes:
        begins: how much of the text is seen in front of each token.
        ends: how much of it is seen behind each; a character that it begins is counted.
        logprobs: of each.
    """

    begins: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()

    @classmethod
    def of(cls, tokens: Iterable[tuple[int, int, float]], length: int) -> Probabilities | None:
        """Of tokens as begin, end and log-probability; None where they are not of a text of ``length`` characters."""
        known = list(tokens)
        if not known or known[0][0] < 0 or known[-1][0] > length:
            return None
        begins, ends, logprobs = zip(*known, strict=True)
        return cls(begins, tuple(min(end, length) for end in ends), logprobs)

    def mean(self, first: int, last: int) -> float | None:
        """Mean log-probability of those that say something of the text from its character ``first`` up to ``last``.

        None where there is something in it that is said by none that is known.
        """
        begin, end = self._between(first, last)
        if begin >= end or self.begins[begin] > first or self.ends[end - 1] < last:
            return None
        if end - begin == 1:  # most words
            return self.logprobs[begin]
        if any(self.ends[place] < self.begins[place + 1] for place in range(begin, end - 1)):
            return None
        return sum(self.logprobs[begin:end]) / (end - begin)

    def part(self, first: int, last: int) -> Probabilities:
        """Those of the text from its character ``first`` up to ``last``."""
        begin, end = self._between(first, last)
        return Probabilities(
            tuple(max(at, first) - first for at in self.begins[begin:end]),
            tuple(min(at, last) - first for at in self.ends[begin:end]),
            self.logprobs[begin:end],
        )

    def followed(self, other: Probabilities, length: int) -> Probabilities:
        """Those of the text, of ``length`` characters, and of another behind it."""
        return Probabilities(
            (*self.begins, *(length + at for at in other.begins)),
            (*self.ends, *(length + at for at in other.ends)),
            (*self.logprobs, *other.logprobs),
        )

    def _between(self, first: int, last: int) -> tuple[int, int]:
        """Which tokens: the first, and the one behind the last."""
        return bisect_right(self.ends, first), bisect_left(self.begins, last)
