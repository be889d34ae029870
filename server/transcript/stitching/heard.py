"""What was heard in one window of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from server.transcript.segments import Segment
from server.transcript.stitching.ordering import in_order

Vector = npt.NDArray[np.float32]
"""What a voice sounds like: one dimension, any length; the nearer the direction, the likelier the same speaker."""


@dataclass(frozen=True, slots=True)
class HeardWindow:
    """A stretch of a recording that was transcribed for itself.

    Attributes:
        start: of the window, in seconds from the start of the recording.
        end: of the window, in the same way.
        segments: with times from the start of the window, and the numbers that speakers have in it.
        voices: vectors of the window's speakers by these numbers, as far as they are known.
        clips: vectors of segments by their places, as far as they are known: of those from which the voices are.
    """

    start: float
    end: float
    segments: tuple[Segment, ...]
    voices: Mapping[int, Vector] = field(default_factory=dict)
    clips: Mapping[int, Vector] = field(default_factory=dict)

    def placed(self) -> list[Segment]:
        """The segments in order of their starts, on the recording's clock and within the window."""
        return [segment for segment, _ in self.with_clips()]

    def with_clips(self) -> list[tuple[Segment, Vector | None]]:
        """The same, each with its vector."""
        moved = []
        for segment in self.segments:
            start = min(max(self.start + segment.start, self.start), self.end)
            end = min(max(self.start + segment.end, start), self.end)
            moved.append(replace(segment, start=start, end=end))
        return [(segment, self.clips.get(place)) for place, segment in enumerate(in_order(moved, self.start))]
