"""How much of a recording the encoders take at a time, where somebody says so."""

from __future__ import annotations

from model.family import Geometry

_SLACK = 0.5
"""Samples: seconds are written with few digits."""


class UnevenSegment(Exception):  # noqa: N818 - it is the segment that is uneven
    """A stretch of audio that is not made of whole frames. ``message`` says what would be, fit for anybody's eyes.

    ``in_samples``: it was given in samples, and not in seconds.
    """

    def __init__(self, message: str, *, in_samples: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.in_samples = in_samples


def segment_frames(geometry: Geometry, seconds: float) -> int:
    """Frames of a stretch of ``seconds`` that the encoders may take at once.

    They are causal, and keep what they need of what they heard before (Transformers' ``padding_cache``). So a recording
    in parts gives what the whole gives, as long as every part is whole frames.

    Raises UnevenSegment for others.
    """
    samples = seconds * geometry.sample_rate
    frames = round(samples / geometry.hop)
    if frames >= 1 and abs(samples - frames * geometry.hop) <= _SLACK:
        return frames
    below = max(1, int(samples / geometry.hop))
    nearest = " or ".join(f"{count * geometry.hop / geometry.sample_rate:.9g}" for count in (below, below + 1))
    raise UnevenSegment(f"{_takes(geometry)} {seconds:g} s are no multiple; {nearest} s are.")


def sample_frames(geometry: Geometry, samples: int) -> int:
    """The same of a stretch of so many samples. Raises UnevenSegment."""
    frames, beyond = divmod(samples, geometry.hop)
    if frames and not beyond:
        return frames
    nearest = " or ".join(str(count * geometry.hop) for count in (max(1, frames), max(1, frames) + 1))
    raise UnevenSegment(f"{_takes(geometry)} {samples} are no multiple; {nearest} are.", in_samples=True)


def _takes(geometry: Geometry) -> str:
    return f"The encoders take whole frames of {geometry.hop} samples at {geometry.sample_rate} Hz, of which"
