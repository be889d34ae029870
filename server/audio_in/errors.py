"""What can be wrong with audio that somebody sent."""

from __future__ import annotations

import json
from enum import StrEnum


class AudioErrorCode(StrEnum):
    """Why audio was refused. Every code is the sender's to mend."""

    UNSUPPORTED_FORMAT = "unsupported_format"
    """Not a container, codec, sampling rate or channel count that is read here."""
    NO_AUDIO_STREAM = "no_audio_stream"
    """A readable file without any audio in it, e.g. a silent film."""
    NO_SUCH_TRACK = "no_such_track"
    """The file has fewer audio tracks than the one that was asked for."""
    EMPTY_AUDIO = "empty_audio"
    """No bytes, or an audio stream without a single sample."""
    CORRUPT_AUDIO = "corrupt_audio"
    """The format is known, but the file is damaged so badly that nothing can be decoded."""
    AUDIO_TOO_LONG = "audio_too_long"
    """More decoded seconds than the limit."""
    DECODE_TIMEOUT = "decode_timeout"
    """Decoding took more time than the limit."""


class AudioError(Exception):
    """Audio that cannot be used. ``message`` is fit for the client's eyes and never quotes a library's error text."""

    def __init__(self, code: AudioErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def json(self) -> bytes:
        """For the pipe of a decoder process."""
        return json.dumps({"code": self.code, "message": self.message}).encode()

    @classmethod
    def from_json(cls, content: bytes | bytearray) -> AudioError:
        """What a decoder process said."""
        error = json.loads(content)
        return cls(AudioErrorCode(error["code"]), error["message"])


def damaged_stream() -> AudioError:
    """Live audio that cannot be decoded any further."""
    return AudioError(AudioErrorCode.CORRUPT_AUDIO, "The audio stream is damaged: it cannot be decoded.")


class DecoderFailed(Exception):  # noqa: N818 - what failed is no input
    """Nothing is known against the audio: the process that was to decode it died, and the next one as well.

    Attributes:
        message: fit for the client's eyes.
        retry_after: seconds after which trying again makes sense.
    """

    def __init__(self, message: str, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class DecodeStopped(Exception):  # noqa: N818 - nothing is wrong with the audio: the server stops
    """A decode ended early because the pool was closed."""
