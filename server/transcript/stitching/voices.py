"""What vectors tell about voices. How alike those of one speaker are depends on who made them, so it is learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_LEAST_ROOM: Final = 0.02
"""Between one speaker's cosine and that of two."""


class Voices:
    """The voices of a recording by its speakers' numbers."""

    def __init__(self) -> None:
        self._sums: dict[int, tuple[Vector, int]] = {}
        self._apart, self._apart_count = _STRANGERS, 1
        self._same: list[float] = []

    def learn(self, vectors: Mapping[int, Vector]) -> None:
        """These are theirs, too."""
        for number, vector in vectors.items():
            unit = _unit(vector)
            total, count = self._sums.get(number, (np.zeros_like(unit), 0))
            if total.shape == unit.shape:
                self._sums[number] = total + unit, count + 1

    def apart(self, vectors: Sequence[Vector]) -> None:
        """All of these are of different speakers."""
        for one, other in combinations(vectors, 2):
            cosine = float(_unit(one) @ _unit(other))
            self._apart_count += 1
            self._apart += (cosine - self._apart) / self._apart_count

    def same(self, number: int, vector: Vector) -> None:
        """This is surely the speaker's."""
        cosine = self._cosine(number, vector)
        if cosine is not None:
            self._same.append(cosine)

    def likeness(self, number: int, vector: Vector | None) -> float:
        """What a vector says for the speaker's being its owner, from -CERTAIN to CERTAIN; 0 where it says nothing."""
        cosine = self._cosine(number, vector)
        if cosine is None:
            return 0.0
        same = self._apart + _SHARE * (1 - self._apart)
        same = (same + sum(self._same)) / (1 + len(self._same))
        room = max(same - self._apart, _LEAST_ROOM) / 2
        told = CERTAIN * (cosine - self._apart - room) / room
        return min(max(told, -CERTAIN), CERTAIN)

    def tells(self, number: int, vector: Vector | None) -> bool:
        """Whether a vector says anything about the speaker's being its owner."""
        return abs(self.likeness(number, vector)) >= _TELLING

    def _cosine(self, number: int, vector: Vector | None) -> float | None:
        if vector is None or number not in self._sums:
            return None
        total, count = self._sums[number]
        unit = _unit(vector)
        return float(unit @ total) / count if unit.shape == total.shape else None


def _unit(vector: Vector) -> Vector:
    flat = np.nan_to_num(np.asarray(vector, dtype=np.float32).ravel())
    length = float(np.linalg.norm(flat))
    return flat / np.float32(length) if length else flat
