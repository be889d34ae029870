"""The seam to whatever tells voices apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.seam.audio import Samples

Vector = npt.NDArray[np.float32]
"""What a voice sounds like: [n], of length 1. The nearer the direction of two (their cosine), the more alike."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the cosine of two vectors says, for clips of three seconds and more.

    Attributes:
        same: from here on it is one voice: hardly ever are two so alike.
        different: up to here it is two voices: hardly ever is one so unlike itself. Between them nothing is told.
    """

    same: float
    different: float


class VoiceEncoder(Protocol):
    """Makes vectors of voices.

    Attributes:
        likeness: how its vectors are to be compared.
    """

    likeness: Likeness

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        """A vector for each of ``clips`` (mono 24 kHz, of one speaker each, not empty), in order.

        A second tells something, three tell enough; of a long clip the first ten seconds are heard. The event loop runs
        on meanwhile.
        """

    def close(self) -> None:
        """It is not used any more."""
