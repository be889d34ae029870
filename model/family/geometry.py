"""How a family of checkpoints cuts audio into frames. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Geometry:
    """Mono audio of ``sample_rate`` samples a second, of which every ``hop`` make a frame: a position of the model.

    A started last frame counts whole: the model hears it padded.
    """

    sample_rate: int
    hop: int

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop

    @property
    def position_rate(self) -> float:
        """Positions of the model per second of audio: its frames, and what else always stands with them."""
        return self.frame_rate

    def positions(self, seconds: float) -> int:
        """Positions that so many seconds take; what is started counts whole."""
        return ceil(seconds * self.frame_rate)

    def frames(self, samples: int) -> int:
        """Frames that so many samples fill."""
        return -(-samples // self.hop)

    def filling(self, samples: int) -> int:
        """Samples of silence behind so many that make whole what they have begun."""
        return -samples % self.hop

    def frames_of(self, seconds: float) -> int:
        """Frames that so many seconds fill."""
        return self.frames(round(seconds * self.sample_rate))

    def seconds(self, frames: int) -> float:
        """Seconds of so many frames."""
        return frames * self.hop / self.sample_rate
