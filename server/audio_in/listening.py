"""How a file is to be heard. No library: callers and protocols name these."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from server.audio_in.encodings import Encoding, encoding_named


@dataclass(frozen=True, slots=True)
class RawAudio:
    """What samples, or packets, without a container are.

    Attributes:
        encoding: how a sample or a packet is written.
        rate: Hz; packets have their own.
        channels: interleaved.
    """

    encoding: Encoding
    rate: int
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Listening:
    """What the caller chose about hearing a file; the defaults are what most callers mean.

    Attributes:
        track: which audio track, counted from 1; None leaves the choice to the decoder.
        split: every channel for itself, instead of their mix.
        from_first_sample: times count from the first sample, not from the container's start.
        raw: what the file is, unless it begins like a container; None where it must be one.
    """

    track: int | None = None
    split: bool = False
    from_first_sample: bool = False
    raw: RawAudio | None = None

    @property
    def json(self) -> str:
        """For the pipe of a decoder process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, content: bytes) -> Listening:
        """What the server said."""
        fields = json.loads(content)
        raw = fields.pop("raw")
        return cls(**fields, raw=raw and RawAudio(encoding_named(raw["encoding"]), raw["rate"], raw["channels"]))
