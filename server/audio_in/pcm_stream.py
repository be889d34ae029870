"""Raw PCM as live clients send it, in pieces of any size → mono 24 kHz float32."""

from __future__ import annotations

from model.seam.audio import Samples
from server.audio_in.encodings import PcmEncoding
from server.audio_in.limits import check_shape
from server.audio_in.pcm import Resampler, mix
from server.audio_in.pcm_bytes import PcmBytes


class PcmStream:
    """Converts one live stream. ``rate`` in Hz; a sample may be split over two pushes at any byte.

    Raises:
        AudioError: ``unsupported_format`` for a rate or channel count out of range.
    """

    def __init__(self, rate: int, channels: int, encoding: PcmEncoding) -> None:
        check_shape(rate, channels)
        self._bytes = PcmBytes(encoding, channels)
        self._resampler = Resampler(rate)

    def push(self, data: bytes) -> Samples:
        """The next bytes → the next samples ([n], n may be 0: the resampler lags some milliseconds behind)."""
        return self._resampler.push(mix(self._bytes.push(data)))

    def drain(self) -> Samples:
        """The samples still inside, as if silence came next. Bytes of an unfinished sample wait for the next push."""
        return self._resampler.flush()

    def flush(self) -> Samples:
        """The samples still inside; bytes of an unfinished sample are dropped. `push` then begins afresh."""
        self._bytes.drop()
        return self.drain()
