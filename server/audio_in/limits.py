"""How much audio is accepted. Counted while decoding: that a header claims less is never believed."""

from __future__ import annotations

from dataclasses import dataclass

from server.audio_in.errors import AudioError, AudioErrorCode

MIN_RATE = 4_000
"""Lowest sampling rate in Hz. A forged rate of 1 Hz would turn kilobytes into hours."""
MAX_RATE = 192_000
"""Highest sampling rate in Hz."""
MAX_CHANNELS = 8
SPLIT_FACTOR = 2
"""How much longer than one recording may be all channels together of one that is split: two people on the telephone may
talk for as long as one, and eight channels cannot take eight times the memory."""

PART_SECONDS = 15.0
"""What is decoded at a time: some hundredths of a second of work, and a megabyte for each channel."""

_WAY_OUT = "send it in parts, or let whoever runs the server raise the limit (--max-audio-seconds)"


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of one decode.

    Attributes:
        max_seconds: decoded audio, whatever the size of the file.
        work_seconds: wall time spent decoding, without the time the caller takes between two blocks.
    """

    max_seconds: float
    work_seconds: float

    def check_length(self, seconds: float, channels: int) -> None:
        """Raise AudioError (``audio_too_long``) if ``seconds`` of so many separate ``channels`` are too much."""
        if seconds > self.max_seconds:
            message = f"The audio is longer than the limit of {self.max_seconds:g} seconds: {_WAY_OUT}."
            raise AudioError(AudioErrorCode.AUDIO_TOO_LONG, message)
        if seconds * channels > SPLIT_FACTOR * self.max_seconds:
            limit = SPLIT_FACTOR * self.max_seconds
            message = f"The {channels} channels of the audio are together longer than {limit:g} seconds: {_WAY_OUT}."
            raise AudioError(AudioErrorCode.AUDIO_TOO_LONG, message)


def check_shape(rate: int, channels: int) -> None:
    """Raise AudioError (``unsupported_format``) unless sampling rate (Hz) and channel count are in range."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(
            AudioErrorCode.UNSUPPORTED_FORMAT,
            f"A sampling rate of {rate} Hz is not supported; it must lie between {MIN_RATE} and {MAX_RATE} Hz.",
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(
            AudioErrorCode.UNSUPPORTED_FORMAT,
            f"{channels} channels are not supported; there must be 1 to {MAX_CHANNELS}.",
        )
