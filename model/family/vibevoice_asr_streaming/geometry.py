"""How VibeVoice-ASR-Streaming cuts audio: windows that overlap, read from the checkpoint's own file. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from model.errors import CheckpointError
from model.family.geometry import Geometry
from model.family.vibevoice_asr_streaming.protocol import MARKERS

FILE = "preprocessor_config.json"
"""Of a checkpoint, where the sizes of its windows stand."""
_SAMPLE_RATE, _HOP = 24_000, 3_200
"""What the encoders of this server are fed."""


@dataclass(frozen=True, slots=True)
class WindowGeometry(Geometry):
    """Every ``chunk`` frames a window begins. It goes on for ``lookahead`` frames, which the next one hears again.

    A frame counts as often as the model has a position for it, so those of the lookahead count twice.
    """

    chunk: int
    lookahead: int

    @property
    def window_frames(self) -> int:
        """Of one window."""
        return self.chunk + self.lookahead

    @property
    def stride(self) -> int:
        """Samples from one window's beginning to the next one's."""
        return self.chunk * self.hop

    @property
    def window(self) -> int:
        """Samples of a window."""
        return self.window_frames * self.hop

    @property
    def position_rate(self) -> float:
        """See Geometry."""
        return (self.window_frames + MARKERS) * self.sample_rate / self.stride

    def positions(self, seconds: float) -> int:
        """See Geometry."""
        return self.windows(ceil(seconds * self.sample_rate)) * (self.window_frames + MARKERS)

    def windows(self, samples: int) -> int:
        """Windows in which so many samples are heard to their end."""
        return -(-samples // self.stride)

    def whole_windows(self, samples: int) -> int:
        """Windows of which so many samples are all."""
        return max(0, (samples - self.lookahead * self.hop) // self.stride)

    def frames(self, samples: int) -> int:
        """See Geometry: those of all windows."""
        return self.windows(samples) * self.window_frames

    def seconds(self, frames: int) -> float:
        """See Geometry."""
        return frames / self.window_frames * self.stride / self.sample_rate

    def filling(self, samples: int) -> int:
        """See Geometry: the last window is filled up, its lookahead too."""
        return self.windows(samples) * self.stride + self.lookahead * self.hop - samples if samples else 0


def read_geometry(described: Mapping[str, Any], name: str) -> WindowGeometry:
    """From what stands in ``FILE`` of the checkpoint called ``name``. Nothing is assumed: releases differ.

    Raises CheckpointError for sizes that are missing or make no sense, and for other rates than the encoders have.
    """
    chunk, lookahead = (_count(described, key, least, name) for key, least in (("chunk_frames", 1), _LOOKAHEAD))
    rate, hop = described.get("target_sample_rate"), described.get("speech_tok_compress_ratio")
    if (rate, hop) != (_SAMPLE_RATE, _HOP):
        raise CheckpointError(
            f"{FILE} of {name} says {rate!r} Hz and a hop of {hop!r}; this server feeds {_SAMPLE_RATE} and {_HOP}."
        )
    if lookahead > chunk:
        raise CheckpointError(
            f"{FILE} of {name} has windows of {chunk} frames that look {lookahead} ahead: more than the next window."
        )
    return WindowGeometry(_SAMPLE_RATE, _HOP, chunk, lookahead)


_LOOKAHEAD = ("lookahead_frames", 0)


def _count(described: Mapping[str, Any], key: str, least: int, name: str) -> int:
    value = described.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise CheckpointError(
            f"{FILE} of {name} says {value!r} for {key}, and not how many frames that are. It is not the same for all "
            "releases, so it cannot be assumed: fetch the file again."
        )
    return value
