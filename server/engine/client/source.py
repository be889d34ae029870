"""Where the audio of a stream can be had again, for a worker that died and took it along."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import numpy as np

from model.seam.audio import Samples


class AudioSource(Protocol):
    """Whoever opened a stream has its audio anyway, in a file or in memory; the engine asks for it when it has to."""

    def replay(self) -> AsyncGenerator[Samples, None]:
        """The stream's audio again from its first sample: at least all that was appended so far, in blocks of any size.

        Sample for sample what was appended, and the silence with which a question about the whole filled up the last
        frame where more was appended behind it. Whatever it raises ends the stream, and no other. Closed as soon as the
        engine has enough.
        """
        ...


class KeptAudio:
    """The source of a stream that nobody else keeps the audio of: what was appended, in memory."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def keep(self, samples: bytes) -> None:
        """This is appended now, as ``AppendAudio`` has it."""
        self._blocks.append(samples)

    async def replay(self) -> AsyncGenerator[Samples, None]:
        """See `AudioSource`."""
        for block in self._blocks:
            yield np.frombuffer(block, dtype="<f4")
