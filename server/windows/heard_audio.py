"""What a window's stream has heard, for the engine to have again: the same arrays that the window keeps anyway."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np

from model.seam.audio import Samples


class HeardAudio:
    """An `AudioSource` that grows: voices, gaps, audio, and the silence that filled up frames."""

    def __init__(self) -> None:
        self._parts: list[Samples] = []
        self._silence = 0  # behind the last part, if there will be another

    def add(self, samples: Samples) -> None:
        """This is appended now."""
        if self._silence:
            self._parts.append(np.zeros(self._silence, np.float32))
            self._silence = 0
        self._parts.append(samples)

    def fill(self, silence: int) -> None:
        """A question about the whole fills up the last frame with so many samples."""
        self._silence += silence

    async def replay(self) -> AsyncGenerator[Samples, None]:
        """See `AudioSource`."""
        for part in self._parts:
            yield part
