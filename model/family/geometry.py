"""How a family of checkpoints cuts audio into frames. No torch."""

from __future__ import annotations

from dataclasses import dataclass


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

    def frames(self, samples: int) -> int:
        """Frames that so many samples fill."""
        return -(-samples // self.hop)

    def frames_of(self, seconds: float) -> int:
        """Frames that so many seconds fill."""
        return self.frames(round(seconds * self.sample_rate))

    def seconds(self, frames: int) -> float:
        """Seconds of so many frames."""
        return frames * self.hop / self.sample_rate
