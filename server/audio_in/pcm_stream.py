"""Raw PCM as live clients send it, in pieces of any size → 24 kHz float32, mixed or split."""

from __future__ import annotations

from server.audio_in.channel_resampler import ChannelResampler
from server.audio_in.encodings import PcmEncoding
from server.audio_in.limits import check_shape
from server.audio_in.pcm import Channels
from server.audio_in.pcm_bytes import PcmBytes


class PcmStream:
    """Converts one live stream. ``rate`` in Hz; a sample may be split over two pushes at any byte.

    What comes out are rows of samples, [rows, n]: one with the mix, or with ``split`` one for each channel.

    Raises:
        AudioError: ``unsupported_format`` for a rate or channel count out of range.
    """

    def __init__(self, rate: int, channels: int, encoding: PcmEncoding, *, split: bool = False) -> None:
        check_shape(rate, channels)
        self._bytes = PcmBytes(encoding, channels)
        self._resampler = ChannelResampler(rate, channels, split=split)

    def push(self, data: bytes) -> Channels:
        """The next bytes → the next samples (n may be 0: the resampler lags some milliseconds behind)."""
        return self._resampler.push(self._bytes.push(data))

    def drain(self) -> Channels:
        """The samples still inside, as if silence came next. Bytes of an unfinished sample wait for the next push."""
        return self._resampler.flush()

    def flush(self) -> Channels:
        """The samples still inside; bytes of an unfinished sample are dropped. `push` then begins afresh."""
        self._bytes.drop()
        return self.drain()
