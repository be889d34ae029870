"""Guesses by an answer that is there already: in a live session the one to less of the same audio."""

from __future__ import annotations

_ALIKE = 3
"""Tokens that have to be the same for a place to be taken for the same: ``":"`` and the like are everywhere."""
_REACH = 32
"""Tokens of the old answer that are searched for such a place."""
_MOST_GUESSED = 256
"""Tokens in one guess; a window of half a minute has fewer."""


class HypothesisDraft:
    """Guesses by an answer that the present one may resemble, such as the one to less of the same audio.

    As long as the two agree, all the rest of the old answer is the guess. Where they part, as where a segment has
    become longer and its end another number, it goes on behind the next place that reads like the last tokens written.
    """

    def __init__(self, tokens: list[int], start: list[int]) -> None:
        """``tokens``: the old answer. ``start``: tokens that the new one begins with already."""
        self._old = tokens
        self._place = 0  # in the old answer: what is expected next
        self._lost = False
        self._tail: list[int] = []
        self.follow(start)

    def follow(self, tokens: list[int]) -> None:
        """Tell it the next tokens of the new answer."""
        for token in tokens:
            self._tail = [*self._tail[1 - _ALIKE :], token]
            if not self._lost and self._place < len(self._old) and self._old[self._place] == token:
                self._place += 1
            else:
                self._lost = True
                self._find()

    def guess(self, unread: int = 0) -> list[int]:
        """The tokens behind the place where the old answer reads like the new one; none where none does.

        ``unread``: tokens that are chosen but not known; the guess is about those behind them.
        """
        return [] if self._lost else self._old[self._place + unread : self._place + _MOST_GUESSED]

    def _find(self) -> None:
        for end in range(self._place + 1, min(self._place + _REACH, len(self._old)) + 1):
            if self._old[max(0, end - _ALIKE) : end] == self._tail:
                self._place, self._lost = end, False
                return
