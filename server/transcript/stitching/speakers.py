"""Which of the recording's speakers each of a window's is: by the words that both windows have, and by their voices.

Two speakers of one window are never one. Numbers that were given stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from server.transcript.stitching.assignment import best_pairs
from server.transcript.stitching.heard import Vector
from server.transcript.stitching.voices import Voices

Said = tuple[int, int, float]
"""A speaker of the window, one of the recording, and the weight of words that both windows have of them."""

_WORDS: Final = 1.5
"""What a word of weight 1 says for two speakers' being one; a voice says from -4 to 4."""
_ENOUGH: Final = 10.0
"""Weight of words from which on more say no more."""


class Speakers:
    """The speakers of a recording, window by window.

    Attributes:
        doubtful: numbers that were given to somebody who may be one of those before: nothing told.
    """

    def __init__(self) -> None:
        self.doubtful: set[int] = set()
        self._given: list[int] = []
        self._voices = Voices()

    def add(self, heard: Iterable[int], said: Iterable[Said], voices: Mapping[int, Vector]) -> dict[int, int]:
        """The next window's speakers (``heard``, in order of first speech) in the recording's numbers."""
        locals_ = list(dict.fromkeys(heard))
        if not self._given:
            numbers = {number: number for number in locals_}
        else:
            numbers = self._linked(locals_, list(said), voices)
        self._given += [number for number in numbers.values() if number not in self._given]
        self._voices.learn({numbers[number]: vector for number, vector in voices.items() if number in numbers})
        return numbers

    def _linked(self, heard: list[int], said: list[Said], voices: Mapping[int, Vector]) -> dict[int, int]:
        words = _words(said)
        for (number, known), weight in words.items():
            if weight * _WORDS > 4 and number in voices:
                self._voices.same(known, voices[number])
        self._voices.apart([voices[number] for number in heard if number in voices])
        worth = [
            [
                _WORDS * words.get((number, known), 0.0) + self._voices.likeness(known, voices.get(number))
                for known in self._given
            ]
            for number in heard
        ]
        pairs = best_pairs(worth)
        numbers: dict[int, int] = {}
        free = [known for place, known in enumerate(self._given) if place not in pairs.values()]
        following = max(self._given) + 1
        for row, number in enumerate(heard):
            if row in pairs:
                numbers[number] = self._given[pairs[row]]
                continue
            numbers[number] = following
            if any(not self._voices.tells(known, voices.get(number)) for known in free):
                self.doubtful.add(following)
            following += 1
        return numbers


def _words(said: Iterable[Said]) -> dict[tuple[int, int], float]:
    """Weight of the words of each pair, less where much of what they said went to others."""
    sums: dict[tuple[int, int], float] = {}
    theirs: dict[int, float] = {}
    known_said: dict[int, float] = {}
    for number, known, weight in said:
        sums[number, known] = sums.get((number, known), 0.0) + weight
        theirs[number] = theirs.get(number, 0.0) + weight
        known_said[known] = known_said.get(known, 0.0) + weight
    return {
        (number, known): min(weight * weight / max(theirs[number], known_said[known]), _ENOUGH)
        for (number, known), weight in sums.items()
    }
