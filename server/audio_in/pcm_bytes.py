"""Bytes of samples without a container → samples of each channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from server.audio_in.encodings import PcmEncoding
from server.audio_in.pcm import Channels, as_floats


def _mulaw_table() -> npt.NDArray[np.int16]:
    """[256] linear values of the mu-law codes: all bits inverted; sign, 3 bits of exponent, 4 of mantissa; bias 33."""
    code = ~np.arange(256, dtype=np.uint8) & 0xFF
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = ((2 * mantissa + 33 << exponent) - 33) << 2
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> npt.NDArray[np.int16]:
    """[256] linear values of the A-law codes: even bits inverted; sign, 3 bits of exponent, 4 of mantissa."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    linear = 2 * mantissa + 1
    magnitude = np.where(exponent == 0, linear, linear + 32 << np.maximum(exponent - 1, 0)) << 3
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_DTYPES: dict[PcmEncoding, np.dtype[np.generic]] = {
    PcmEncoding.LINEAR16: np.dtype("<i2"),
    PcmEncoding.FLOAT32: np.dtype("<f4"),
    PcmEncoding.MULAW: np.dtype("u1"),
    PcmEncoding.ALAW: np.dtype("u1"),
}
_G711 = {PcmEncoding.MULAW: _mulaw_table(), PcmEncoding.ALAW: _alaw_table()}


class PcmBytes:
    """Reads interleaved samples that come in pieces cut at any byte."""

    def __init__(self, encoding: PcmEncoding, channels: int) -> None:
        self._dtype = _DTYPES[encoding]
        self._g711 = _G711.get(encoding)
        self._channels = channels
        self._rest = b""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of each channel."""
        return self._dtype.itemsize * self._channels

    def push(self, data: bytes) -> Channels:
        """The next bytes → the samples that they complete: [channels, n], n may be 0."""
        data = self._rest + data
        whole = len(data) - len(data) % self.frame_bytes
        self._rest = data[whole:]
        values: npt.NDArray[np.generic] = np.frombuffer(data, self._dtype, count=whole // self._dtype.itemsize)
        if self._g711 is not None:
            values = self._g711[values]
        return as_floats(values.reshape(-1, self._channels).T)

    def drop(self) -> None:
        """Forget the bytes of an unfinished sample."""
        self._rest = b""
