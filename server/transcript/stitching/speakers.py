"""Which of the recording's speakers each of a window's is: by the words that both windows have, and by their voices.

Two speakers of one window are never one, and numbers that were given stay. Words tell more than voices: they were said
once. Where several explain what was heard, the assignment of all speakers together that explains most of it counts. A
segment whose voice is clearly another speaker's than its own one's is that speaker's then: what a window has too little
of to tell two people apart by, the recording may have heard before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from server.transcript.stitching.assignment import best_pairs
from server.transcript.stitching.voices import CERTAIN, Heard, Voices

Said = tuple[int, int, float]
"""A speaker of the window, one of the recording, and the weight of words that both windows have of them."""

_WORDS: Final = 1.5
"""What a word of weight 1 says for two speakers' being one; a voice says up to `CERTAIN`."""
_ENOUGH: Final = 6.0
"""Weight of words from which on more say no more, and little more than voices can say against them: the words of the
overlap say only that two speakers are one, whom the earlier window may have taken for somebody else."""
_CLEAR: Final = CERTAIN / 2
"""What a segment's voice says at least against its being its speaker's, and for its being another's."""
_LONG_ENOUGH: Final = 1.0
"""Seconds of a segment of whose voice that is believed."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What a segment of a window sounds like, and the window's number of its speaker."""

    speaker: int
    voice: Heard


@dataclass(frozen=True, slots=True)
class Linked:
    """A window's speakers in the recording's numbers.

    Attributes:
        numbers: by the window's.
        moved: of segments that are somebody else's, by their places.
    """

    numbers: dict[int, int]
    moved: dict[int, int]


class Speakers:
    """The speakers of a recording, window by window.

    Attributes:
        doubtful: numbers that were given to somebody who may be one of those before: nothing told.
    """

    def __init__(self) -> None:
        self.doubtful: set[int] = set()
        self._given: list[int] = []
        self._voices = Voices()

    def add(
        self,
        heard: Sequence[int],
        said: Iterable[Said],
        voices: Mapping[int, Heard],
        clips: Mapping[int, Clip] = MappingProxyType({}),
    ) -> Linked:
        """The next window's speakers (``heard``) in the recording's numbers.

        Those of the first window keep theirs; whoever is new later gets the next number behind all that were given.
        ``clips``: of its segments, by their places.
        """
        numbers = self._linked(heard, _words(said), voices) if self._given else {number: number for number in heard}
        self._given += [number for number in numbers.values() if number not in self._given]
        moved = self._moved(numbers, clips)
        voices = {**voices, **_without(clips, moved)}
        for number, voice in voices.items():
            if number in numbers:
                self._voices.learn(numbers[number], voice)
        self._voices.apart([voices[number] for number in heard if number in voices])
        return Linked(numbers, moved)

    def _moved(self, numbers: Mapping[int, int], clips: Mapping[int, Clip]) -> dict[int, int]:
        """Whose segments are who is heard in them, by their places, where that is not whom the window has there.

        Less than half of what a speaker says: more is no chance, and then the words know better.
        """
        moved: dict[int, int] = {}
        for speaker, own in numbers.items():
            told = {place: clip.voice for place, clip in clips.items() if clip.speaker == speaker}
            found = {
                place: number
                for place, voice in told.items()
                if voice.seconds >= _LONG_ENOUGH and (number := self._clearly(own, voice)) is not None
            }
            if 2 * sum(told[place].seconds for place in found) < sum(voice.seconds for voice in told.values()):
                moved |= found
        return moved

    def _clearly(self, own: int, voice: Heard) -> int | None:
        """Who else of the recording is heard."""
        others = [number for number in self._given if number != own]
        best = max(others, key=lambda number: self._voices.likeness(number, voice), default=None)
        if best is None or self._voices.likeness(own, voice) > -_CLEAR:
            return None
        return best if self._voices.likeness(best, voice) >= _CLEAR else None

    def _linked(
        self, heard: Sequence[int], words: Mapping[tuple[int, int], float], voices: Mapping[int, Heard]
    ) -> dict[int, int]:
        self._calibrate(words, voices)
        worth = [
            [
                _WORDS * min(words.get((number, known), 0.0), _ENOUGH)
                + self._voices.likeness(known, voices.get(number))
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


def _without(clips: Mapping[int, Clip], moved: Mapping[int, int]) -> dict[int, Heard]:
    """What those sound like of whom something was moved, without that."""
    found: dict[int, Heard] = {}
    for speaker in {clips[place].speaker for place in moved}:
        left = [clip.voice for place, clip in clips.items() if clip.speaker == speaker and place not in moved]
        total = np.asarray(sum(voice.vector * np.float32(voice.seconds) for voice in left), np.float32)
        found[speaker] = Heard(total, sum(voice.seconds for voice in left))
    return found


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
        (number, known): weight * weight / max(by_window[number], by_recording[known])
        for (number, known), weight in sums.items()
    }
