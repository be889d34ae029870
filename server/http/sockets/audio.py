"""The audio bytes of a session → samples, in the format of the moment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from server.audio_in.container_stream import ContainerStream
from server.audio_in.deaths import DecoderDeaths
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels
from server.audio_in.raw_stream import RawStream
from server.live.vocabulary.actions import SetFormat

_PIECE = 1 << 17
_NOTHING = np.zeros((1, 0), np.float32)


def in_pieces(audio: bytes) -> Iterator[bytes]:
    """``audio`` in parts to be decoded one at a time: a frame may hold megabytes, and others want to be served too."""
    return (audio[start : start + _PIECE] for start in range(0, len(audio), _PIECE))


class AudioInput:
    """Decodes one session. One call at a time; ``close`` it in the end.

    What comes out are rows of samples, [rows, n]: one with the mix of all channels, or one for each.

    The methods raise AudioError for audio that cannot be decoded, and DecoderFailed.
    """

    def __init__(self, died: DecoderDeaths) -> None:
        self._died = died
        self._stream: RawStream | ContainerStream | None = None

    async def begin(self, action: SetFormat) -> Channels:
        """From now on audio comes in this format. Returns what was left of the audio before."""
        rest = await self.end()
        if action.encoding is None:
            self._stream = ContainerStream(split=action.split, died=self._died)
        else:
            raw = RawAudio(action.encoding, action.rate, action.channels)
            self._stream = RawStream(raw, split=action.split, died=self._died)
        return rest

    async def push(self, audio: bytes) -> Channels:
        """The next bytes → the samples that they complete."""
        assert self._stream is not None, "a protocol sets the format before the first audio"
        return await self._stream.push(audio)

    def drain(self) -> Channels:
        """Samples of bytes pushed before that a resampler still holds back; the audio may go on.

        A container's decoder keeps what it holds, some milliseconds or an unfinished packet: it could not go on.
        """
        return self._stream.drain() if isinstance(self._stream, RawStream) else _NOTHING

    async def end(self) -> Channels:
        """Nothing more comes in the present format → the samples still inside."""
        if self._stream is None:
            return _NOTHING
        try:
            return await self._stream.flush()
        finally:
            self.close()

    def close(self) -> None:
        """Give everything back. Harmless when repeated."""
        if self._stream is not None:
            self._stream.close()
