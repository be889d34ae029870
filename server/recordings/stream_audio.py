"""What a stream of the engine gets of a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from model.seam.audio import LEVEL_SLICE, Level, Samples
from server.recordings.sound import Sound
from server.transcript.references import ReferenceClip


@dataclass(frozen=True, slots=True, eq=False)
class StreamAudio:
    """What one stream of the engine gets: a recording or a channel of it, with known speakers' clips in front.

    Attributes:
        blocks: the samples, to be taken once; none where not all are there.
        length: of all of it in samples at 24 kHz: clips and gaps, then the recording as long as it says it is.
        level: the gain that the samples still need.
        offset: seconds of clips and gaps.
        clips: where in the samples the known speakers talk.
        channel: its number, None where they were mixed.
        sound: its samples without the clips, for who hears them in windows; None where they only pass through.
        voices: the known speakers' clips at the model's level, in order.
    """

    blocks: Iterator[Samples]
    length: int
    level: Level
    offset: float = 0.0
    clips: tuple[ReferenceClip, ...] = ()
    channel: int | None = None
    sound: Sound | None = None
    voices: tuple[Samples, ...] = ()

    def digest(self) -> bytes:
        """Tells its samples from all others. In a thread, and only where they are all there."""
        assert self.sound is not None
        whole = hashlib.sha256()
        for first in range(0, self.length, LEVEL_SLICE):
            whole.update(np.ascontiguousarray(self.sound.stretch(first, first + LEVEL_SLICE)).data)
        return whole.digest()

    @property
    def passing(self) -> StreamAudio:
        """Without the samples, which are gone with the last block then."""
        return replace(self, sound=None)

    @property
    def worth_hearing(self) -> bool:
        """Something is in what came of it so far that is not in another channel."""
        return self.sound is None or self.sound.worth_hearing()
