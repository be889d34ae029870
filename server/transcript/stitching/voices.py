"""What vectors tell about voices. How alike those of one speaker are depends on who made them, so it is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from server.transcript.stitching.heard import Vector

CERTAIN: Final = 4.0
"""What a likeness of one speaker's own vectors says for one voice, or that of two speakers' vectors against it."""
_TELLING: Final = 1.0
"""What a voice has to say at least to tell anything."""
_STRANGERS: Final = 0.3
"""Cosine of two speakers' vectors, until some are heard side by side; the field's vectors have 0 to 0.4."""
_SHARE: Final = 0.6
"""How far one speaker's vectors are from there to 1, until some are known to be of one."""
_BLUR: Final = 1.0
"""Seconds of speech whose vector is as much chance as voice."""
_SHORTEST: Final = 0.5
"""Seconds that less speech counts for."""
_LEAST_ROOM: Final = 0.02
"""Between one speaker's cosine and that of two."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A vector, one-dimensional, and the seconds of speech it was made of."""

    vector: Vector
    seconds: float

    @classmethod
    def of(cls, vector: Vector, seconds: float) -> Heard:
        """Of whatever somebody calls a vector; figures that are none count as 0."""
        return cls(np.nan_to_num(np.asarray(vector, dtype=np.float32).ravel()), seconds)


@dataclass(frozen=True, slots=True)
class _Voice:
    """The sum of ``count`` vectors of length 1."""

    total: Vector
    count: int
    seconds: float


class Voices:
    """The voices of a recording by its speakers' numbers."""

    def __init__(self) -> None:
        self._known: dict[int, _Voice] = {}
        self._apart, self._apart_count = _STRANGERS, 1
        self._same: list[float] = []

    def learn(self, number: int, voice: Heard) -> None:
        """This is the speaker's, too."""
        before = self._known.get(number)
        if before is None:
            self._known[number] = _Voice(_unit(voice.vector), 1, voice.seconds)
        elif before.total.shape == voice.vector.shape:
            total = before.total + _unit(voice.vector)
            self._known[number] = _Voice(total, before.count + 1, before.seconds + voice.seconds)

    def apart(self, voices: Sequence[Heard]) -> None:
        """All of these are of different speakers."""
        for one, other in combinations(voices, 2):
            if one.vector.shape == other.vector.shape:
                self._apart_count += 1
                self._apart += (float(_unit(one.vector) @ _unit(other.vector)) - self._apart) / self._apart_count

    def same(self, number: int, voice: Heard) -> None:
        """This is surely the speaker's: so alike are a speaker's own vectors."""
        compared = self._compared(number, voice)
        if compared is not None:
            cosine, clearness = compared
            self._same.append(min(self._apart + (cosine - self._apart) / clearness, 1.0))

    def likeness(self, number: int, voice: Heard | None) -> float:
        """What a voice says for its being the speaker's, from -CERTAIN to CERTAIN; 0 where it says nothing."""
        compared = self._compared(number, voice)
        if compared is None:
            return 0.0
        cosine, clearness = compared
        same = self._apart + _SHARE * (1 - self._apart)
        same = (same + sum(self._same)) / (1 + len(self._same))
        room = max(same - self._apart, _LEAST_ROOM) / 2 * clearness
        told = CERTAIN * clearness * (cosine - self._apart - room) / room
        return min(max(told, -CERTAIN), CERTAIN)

    def tells(self, number: int, voice: Heard | None) -> bool:
        """Whether a voice says anything about its being the speaker's."""
        return abs(self.likeness(number, voice)) >= _TELLING

    def _compared(self, number: int, voice: Heard | None) -> tuple[float, float] | None:
        """The cosine of both, and how clear it is: the less was heard, the less alike are vectors of one speaker."""
        known = self._known.get(number)
        if voice is None or known is None or known.total.shape != voice.vector.shape:
            return None
        cosine = float(_unit(voice.vector) @ known.total) / known.count
        blur = (1 + _BLUR / max(voice.seconds, _SHORTEST)) * (1 + _BLUR / max(known.seconds / known.count, _SHORTEST))
        return cosine, float(blur**-0.5)


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector
