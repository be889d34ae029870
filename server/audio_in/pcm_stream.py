"""Raw PCM as live clients send it, in pieces of any size → mono 24 kHz float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.seam.audio import Samples
from server.audio_in.encodings import PcmEncoding
from server.audio_in.limits import check_shape
from server.audio_in.pcm import Resampler, as_floats, mix


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


class PcmStream:
    """Converts one live stream. ``rate`` in Hz; a sample may be split over two pushes at any byte.

    Raises:
        AudioError: ``unsupported_format`` for a rate or channel count out of range.
    """

    def __init__(self, rate: int, channels: int, encoding: PcmEncoding) -> None:
        check_shape(rate, channels)
        self._channels = channels
        self._dtype = _DTYPES[encoding]
        self._g711 = _G711.get(encoding)
        self._resampler = Resampler(rate)
        self._rest = b""

    def push(self, data: bytes) -> Samples:
        """The next bytes → the next samples ([n], n may be 0: the resampler lags some milliseconds behind)."""
        data = self._rest + data
        whole = len(data) - len(data) % (self._dtype.itemsize * self._channels)
        self._rest = data[whole:]
        values: npt.NDArray[np.generic] = np.frombuffer(data, self._dtype, count=whole // self._dtype.itemsize)
        if self._g711 is not None:
            values = self._g711[values]
        return self._resampler.push(mix(as_floats(values.reshape(-1, self._channels).T)))

    def drain(self) -> Samples:
        """The samples still inside, as if silence came next. Bytes of an unfinished sample wait for the next push."""
        return self._resampler.flush()

    def flush(self) -> Samples:
        """The samples still inside; bytes of an unfinished sample are dropped. `push` then begins afresh."""
        self._rest = b""
        return self.drain()
