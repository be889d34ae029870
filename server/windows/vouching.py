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
_ENOUGH = 3.0
"""Seconds of which an encoder's figures are told: of less, one of two voices may be like the other by chance."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said: by whom the model took it to be, its vector (of length 1), the seconds it was made of."""

    speaker: int
    vector: Vector
    seconds: float


class Vouching:
    """What speakers sound like, by what goes by their numbers.

    Args:
        likeness: of the vectors.
        said: by everybody.

    Attributes:
        doubles: speakers who sound like another one with a lower number, who stands for them.
    """

    def __init__(self, likeness: Likeness, said: Sequence[Said]) -> None:
        own = {speaker: [each for each in said if each.speaker == speaker] for speaker in _speakers(said)}
        voices = {speaker: _voice(parts, likeness.different) for speaker, parts in own.items()}
        self._same = likeness.same
        self._border = _border(likeness, list(voices.values()))
        heard = {speaker: sum(part.seconds for part in parts) for speaker, parts in own.items()}
        self.doubles = frozenset(self._doubles({n: voice for n, voice in voices.items() if heard[n] >= _ENOUGH}))
        self._people = {speaker: voice for speaker, voice in voices.items() if speaker not in self.doubles}

    def trust(self, said: Said) -> float:
        """How far it is on the speaker's side of what might be anybody's, or of what is rather somebody else's.

        For speakers who are no ``doubles``.
        """
        own = float(self._people[said.speaker] @ said.vector)
        others = (float(voice @ said.vector) for speaker, voice in self._people.items() if speaker != said.speaker)
        return own - max([self._border, *others])

    def speaker_of(self, vector: Vector, *, sure: bool) -> int | None:
        """Who sounds like this, and like it more than anybody else; None where nobody does.

        ``sure``: by the encoder's own figure for one voice, whatever the others are like.
        """
        likest = max(self._people, key=lambda speaker: float(self._people[speaker] @ vector), default=None)
        border = self._same if sure else self._border
        return likest if likest is not None and self._people[likest] @ vector >= border else None

    def _doubles(self, voices: dict[int, Vector]) -> set[int]:
        people: list[Vector] = []
        doubles = set[int]()
        for speaker, voice in voices.items():
            if any(voice @ other >= self._border for other in people):
                doubles.add(speaker)
            else:
                people.append(voice)
        return doubles


def _speakers(said: Sequence[Said]) -> list[int]:
    return sorted({each.speaker for each in said})


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
