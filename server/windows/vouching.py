"""Which of the things that go by a speaker's number are in the voice of most of them, and whose voice something is in.

An encoder's own figures say how alike voices are that nobody knows. How unlike those of a recording are, its microphone
and its people decide: with some that are surely different, less likeness is enough for one to be recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from server.voices.encoder import Likeness, Vector

_PRIOR = 2
"""Pairs of speakers that the encoder's own figure for different voices counts as."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said: by whom the model took it to be, its vector (of length 1), its seconds."""

    speaker: int
    vector: Vector
    seconds: float


class Vouching:
    """What speakers sound like, by what goes by their numbers.

    Args:
        likeness: of the vectors.
        said: by everybody.
    """

    def __init__(self, likeness: Likeness, said: Sequence[Said]) -> None:
        speakers = sorted({each.speaker for each in said})
        self._voices = {
            speaker: _voice([each for each in said if each.speaker == speaker], likeness.different)
            for speaker in speakers
        }
        self._border = _border(likeness, list(self._voices.values()))

    def trust(self, said: Said) -> float:
        """How far it is on the speaker's side of what might be anybody's, or of what is rather somebody else's."""
        own = float(self._voices[said.speaker] @ said.vector)
        others = (float(voice @ said.vector) for speaker, voice in self._voices.items() if speaker != said.speaker)
        return own - max([self._border, *others])

    def speaker_of(self, vector: Vector) -> int | None:
        """Who sounds like this, and like it more than anybody else; None where nobody does."""
        likest = max(self._voices, key=lambda speaker: float(self._voices[speaker] @ vector), default=None)
        return likest if likest is not None and self._voices[likest] @ vector >= self._border else None

    @property
    def doubles(self) -> set[int]:
        """Speakers who sound like another one with a lower number."""
        people: list[Vector] = []
        doubles = set[int]()
        for speaker, voice in self._voices.items():
            if any(voice @ other >= self._border for other in people):
                doubles.add(speaker)
            else:
                people.append(voice)
        return doubles


def _voice(own: Sequence[Said], different: float) -> Vector:
    """The mean, by seconds, of whatever may be of the one to which the others are likest."""
    rows = np.stack([said.vector for said in own])
    seconds = np.array([said.seconds for said in own], np.float32)
    middle = rows[np.argmax((rows @ rows.T) @ seconds)]
    like = rows @ middle > different
    total = seconds[like] @ rows[like]
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _border(likeness: Likeness, voices: Sequence[Vector]) -> float:
    """Half-way between one voice and two, by those of the recording that surely are two; never what surely is two."""
    apart = [min(float(one @ other), likeness.different) for one, other in combinations(voices, 2)]
    mean = (sum(apart) + _PRIOR * likeness.different) / (len(apart) + _PRIOR)
    return max(likeness.different, (mean + likeness.same) / 2)
