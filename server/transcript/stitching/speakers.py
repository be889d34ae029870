"""Which of the recording's speakers each of a window's is: by the words that both windows have, and by their voices.

Two speakers of one window are never one, and numbers that were given stay. Words tell more than voices: they were said
once. Where several explain what was heard, the assignment of all speakers together that explains most of it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from server.transcript.stitching.assignment import best_pairs
from server.transcript.stitching.voices import CERTAIN, Heard, Voices

Said = tuple[int, int, float]
"""A speaker of the window, one of the recording, and the weight of words that both windows have of them."""

_WORDS: Final = 1.5
"""What a word of weight 1 says for two speakers' being one; a voice says up to `CERTAIN`."""
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

    def add(self, heard: Sequence[int], said: Iterable[Said], voices: Mapping[int, Heard]) -> dict[int, int]:
        """The next window's speakers (``heard``) in the recording's numbers.

        Those of the first window keep theirs; whoever is new later gets the next number behind all that were given.
        """
        numbers = self._linked(heard, _words(said), voices) if self._given else {number: number for number in heard}
        self._given += [number for number in numbers.values() if number not in self._given]
        for number, voice in voices.items():
            if number in numbers:
                self._voices.learn(numbers[number], voice)
        self._voices.apart([voices[number] for number in heard if number in voices])
        return numbers

    def _linked(
        self, heard: Sequence[int], words: Mapping[tuple[int, int], float], voices: Mapping[int, Heard]
    ) -> dict[int, int]:
        self._calibrate(words, voices)
        worth = [
            [
                _WORDS * words.get((number, known), 0.0) + self._voices.likeness(known, voices.get(number))
                for known in self._given
            ]
            for number in heard
        ]
        pairs = best_pairs(worth)
        free = [known for place, known in enumerate(self._given) if place not in pairs.values()]
        numbers: dict[int, int] = {}
        following = max(self._given) + 1
        for row, number in enumerate(heard):
            if row in pairs:
                numbers[number] = self._given[pairs[row]]
                continue
            numbers[number] = following
            if not all(self._voices.tells(known, voices.get(number)) for known in free):
                self.doubtful.add(following)
            following += 1
        return numbers

    def _calibrate(self, words: Mapping[tuple[int, int], float], voices: Mapping[int, Heard]) -> None:
        """Words that say enough by themselves tell how alike one speaker's vectors are."""
        for (number, known), weight in words.items():
            if weight * _WORDS > CERTAIN and number in voices:
                self._voices.same(known, voices[number])


def _words(said: Iterable[Said]) -> dict[tuple[int, int], float]:
    """Weight of the words of each pair, less where much of what either said went to others."""
    sums: dict[tuple[int, int], float] = {}
    by_window: dict[int, float] = {}
    by_recording: dict[int, float] = {}
    for number, known, weight in said:
        sums[number, known] = sums.get((number, known), 0.0) + weight
        by_window[number] = by_window.get(number, 0.0) + weight
        by_recording[known] = by_recording.get(known, 0.0) + weight
    return {
        (number, known): min(weight * weight / max(by_window[number], by_recording[known]), _ENOUGH)
        for (number, known), weight in sums.items()
    }
