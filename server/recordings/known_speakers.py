"""Whom of a recording a segment sounds like: somebody known by a clip or a stranger, beside the number the model gave.

Two things are weighed against each other. How well the voice fits: with the clip, and with what was surely heard of the
same one in the recording, which has the same microphone and tells more than a clip. And whom the model means by its
number: at first whom it says, later whom that number turned out to be; a number that was somebody else's voice again
and again tells little. All figures were chosen for both bundled voice encoders together (``bench.known_speakers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from math import log
from typing import Final

import numpy as np

from server.voices.encoder import Likeness, Vector

_MOST = 3.0
"""Seconds of a segment that count: of more a vector tells no more."""
_ENOUGH = 1.5
"""Seconds of which it tells all it can: of less it is less like anybody,"""
_SHORTER = 1.3
"""by so much a second. All likeness is counted in widths: from two voices to one, as an encoder has it."""
_CLIP_BORDER, _BORDER = 0.25, 0.75
"""Above that of two voices: from here on it is rather one than two. Clips come from other microphones, which makes
vectors of one voice less alike, and of two no more so."""
_SURE = 0.25
"""So like a clip, what was heard of somebody is him."""
_ACQUAINTED = 1.0
"""Seconds that are surely of somebody, from which on others are compared with them,"""
_HEARD = 2.0
"""which tells so many times as much as the clip."""
_LONG, _DOUBTFUL = 3.0, -0.75
"""Seconds that go by a name, which together, so little like its clip, are somebody else's,"""
_DOUBT = 2.0
"""as far as this says against the next of them."""
_MODEL: Final = 6.0
"""Seconds that the model's word weighs as much as, by which its number was somebody's voice."""
_STRANGER: Final = 2.0
"""The same of the chance that it is somebody new."""
_CHANCE: Final = 0.25
"""Of all, that a number says nothing: so a voice can tell against it in the end."""
_SAID: Final = 0.75
"""What it takes more to take a name away that the model says, in favour of nobody."""


@dataclass(slots=True)
class _Voice:
    """What was surely heard of somebody: the sum of vectors by their seconds."""

    total: Vector
    seconds: float = 0.0

    def hear(self, vector: Vector, seconds: float) -> None:
        self.total = np.asarray(self.total + vector * np.float32(seconds), np.float32)
        self.seconds += seconds

    def cosine(self, vector: Vector) -> float:
        return float(vector @ self.total) / float(np.linalg.norm(self.total))


@dataclass(slots=True)
class _Called:
    """Seconds that go by a name, and the sum of how like its clip they are."""

    seconds: float = 0.0
    like: float = 0.0

    def more(self, like: float, seconds: float) -> _Called:
        return _Called(self.seconds + seconds, self.like + like * seconds)

    @property
    def doubtful(self) -> bool:
        return self.seconds >= _LONG and self.like < self.seconds * _DOUBTFUL


class KnownSpeakers:
    """The numbers of a transcript: the model's, and others where it took one voice for another.

    Args:
        likeness: of the vectors.

    Attributes:
        names: of numbers that are known; complete once `learn` was called.
    """

    def __init__(self, likeness: Likeness) -> None:
        self.names: dict[int, str] = {}
        self._different = likeness.different
        self._width = likeness.same - likeness.different
        self._clips: dict[int, Vector] = {}  # by numbers
        self._lost: set[int] = set()  # known speakers whom the model never found a number for
        self._own: dict[int, int] = {}  # by the model's numbers
        self._heard: dict[int, _Voice] = {}  # by numbers
        self._called: dict[int, _Called] = {}  # by numbers of known speakers
        self._meant: dict[int, dict[int, float]] = {}  # by the model's numbers: seconds of whom they were

    def learn(self, names: Mapping[int, str], clips: Mapping[str, Vector]) -> None:
        """The model's numbers of known speakers, and what their clips sound like; who has no number gets one."""
        if self.names:
            return
        self.names.update(names)
        self._own.update((number, number) for number in names)
        for name in clips:
            if name not in names.values():
                number = self._free()
                self.names[number] = name
                self._lost.add(number)
        self._clips = {number: clips[name] for number, name in self.names.items()}

    def number(self, speaker: int, vector: Vector | None, seconds: float) -> int:
        """Of whom the model calls ``speaker``, and who sounds like ``vector`` for so many ``seconds``.

        None is too short to tell.
        """
        own = self._own.get(speaker)
        if own is None:
            own = self._own[speaker] = speaker if speaker not in self._taken() else self._free()
        if vector is None:
            return own
        number = self._likeliest(speaker, own, vector, seconds)
        self._hear(number, vector, min(seconds, _MOST))
        meant = self._meant[speaker]
        meant[number] = meant.get(number, 0.0) + min(seconds, _MOST)
        return number

    def _hear(self, number: int, vector: Vector, seconds: float) -> None:
        if number in self.names:
            like = self._like(vector, self._clips[number])
            self._called[number] = self._called.get(number, _Called()).more(like, seconds)
            if like < _SURE:
                return
        self._heard.setdefault(number, _Voice(np.zeros_like(vector))).hear(vector, seconds)

    def _likeliest(self, speaker: int, own: int, vector: Vector, seconds: float) -> int:
        """Who it is. Strangers keep the model's number."""
        meant = self._meant.setdefault(speaker, {})
        whole = sum(meant.values()) + _MODEL + _STRANGER

        def habit(seconds: float) -> float:
            return log(seconds / whole + _CHANCE) / 2

        meanable = {own, *self._lost}  # of whom the model has no number, it may mean by any
        scores = {
            number: self._fit(number, vector, seconds) + habit(meant.get(number, 0.0) + _MODEL * (number in meanable))
            for number in {own, *self.names, *self._heard}
        }
        best = max(scores, key=lambda number: scores[number])
        if own not in self.names:
            return best if best in self.names else own
        return best if scores[best] >= habit(_STRANGER) - _SAID else self._free()

    def _fit(self, number: int, vector: Vector, seconds: float) -> float:
        """How much more than not it is the voice of that one; 0 for a stranger who was not heard so far."""
        short = _SHORTER * max(0.0, _ENOUGH - seconds)
        heard = self._heard.get(number)
        by_voice = None
        if heard is not None and (number not in self.names or heard.seconds >= _ACQUAINTED):
            by_voice = (heard.cosine(vector) - self._different) / self._width - _BORDER + short
        if number not in self.names:
            return by_voice or 0.0
        like = self._like(vector, self._clips[number])
        fit = like - _CLIP_BORDER + short
        if by_voice is not None:
            fit = (fit + _HEARD * by_voice) / (1 + _HEARD)
        doubtful = self._called.get(number, _Called()).more(like, min(seconds, _MOST)).doubtful
        return fit - _DOUBT * doubtful

    def _like(self, vector: Vector, other: Vector) -> float:
        """In widths above the cosine of two voices."""
        return (float(vector @ other) - self._different) / self._width

    def _taken(self) -> set[int]:
        return {*self.names, *self._own.values(), *self._heard}

    def _free(self) -> int:
        taken = {*self._taken(), *self._own}
        return next(number for number in count() if number not in taken)
