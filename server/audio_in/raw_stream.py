"""Live audio of which the client said what it is, without a container → 24 kHz float32, mixed or split.

What begins like a container is one all the same: clients pipe a WAV file into a raw stream, or name the encoding of
what is in their Ogg file.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from server.audio_in.container_stream import ContainerStream
from server.audio_in.deaths import DecoderDeaths
from server.audio_in.encodings import CodedEncoding, PcmEncoding
from server.audio_in.formats import HEAD_BYTES, format_of
from server.audio_in.frame_marks import LONGEST, begins_with_marks, may_begin_with_marks
from server.audio_in.limits import check_shape
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels, joined
from server.audio_in.pcm_stream import PcmStream
from server.audio_in.raw import FIRST_BYTES

_LONGEST_WAV_HEADER = 1 << 16
_IN_WAV = {
    (1, 16): PcmEncoding.LINEAR16,
    (3, 32): PcmEncoding.FLOAT32,
    (6, 8): PcmEncoding.ALAW,
    (7, 8): PcmEncoding.MULAW,
}
"""What a WAV file's format tag and bits per sample mean."""
_EXTENSIBLE = 0xFFFE


class RawStream:
    """Converts one live stream. One call at a time; `close` it in the end.

    What comes out are rows of samples, [rows, n]: one with the mix, or with ``split`` one for each channel.

    Raises:
        AudioError: ``unsupported_format`` for a rate or channel count out of range; `push` and `flush` as those of
            `ContainerStream`, and DecoderFailed as well.
    """

    def __init__(self, raw: RawAudio, *, split: bool = False, died: DecoderDeaths | None = None) -> None:
        if isinstance(raw.encoding, PcmEncoding):
            check_shape(raw.rate, raw.channels)
        self._raw = raw
        self._split = split
        self._died = died
        self._head = b""
        self._stream: PcmStream | ContainerStream | None = None

    async def push(self, data: bytes) -> Channels:
        """The next bytes, cut anywhere → the samples that they complete: [rows, n], n may be 0.

        Packets that do not tell their length come one at a time.
        """
        if self._stream is None:
            self._head += data
            self._stream, data = self._begun(self._head, final=False)
        return self._nothing if self._stream is None else await self._pushed(self._stream, data)

    def drain(self) -> Channels:
        """Samples of bytes pushed before that are held back; the audio may go on. A decoder keeps what it holds."""
        if self._stream is None and isinstance(self._raw.encoding, PcmEncoding):
            self._stream = self._pcm(self._raw, self._raw.encoding)
            return joined([self._stream.push(self._head), self._stream.drain()])
        return self._stream.drain() if isinstance(self._stream, PcmStream) else self._nothing

    async def flush(self) -> Channels:
        """No more bytes come → the samples still inside."""
        rest = self._nothing
        if self._stream is None and self._head:
            self._stream, data = self._begun(self._head, final=True)
            assert self._stream is not None
            rest = await self._pushed(self._stream, data)
        match self._stream:
            case PcmStream() as pcm:
                return joined([rest, pcm.flush()])
            case ContainerStream() as container:
                return joined([rest, await container.flush()])
            case None:
                return rest

    def close(self) -> None:
        """Give everything back. Harmless when repeated."""
        if isinstance(self._stream, ContainerStream):
            self._stream.close()

    @property
    def _nothing(self) -> Channels:
        return np.zeros((self._raw.channels if self._split else 1, 0), np.float32)

    async def _pushed(self, stream: PcmStream | ContainerStream, data: bytes) -> Channels:
        return stream.push(data) if isinstance(stream, PcmStream) else await stream.push(data)

    def _pcm(self, raw: RawAudio, encoding: PcmEncoding) -> PcmStream:
        return PcmStream(raw.rate, raw.channels, encoding, split=self._split)

    def _container(self, packets: RawAudio | None = None) -> ContainerStream:
        return ContainerStream(packets, split=self._split, died=self._died)

    def _begun(self, head: bytes, *, final: bool) -> tuple[PcmStream | ContainerStream | None, bytes]:
        """What decodes a stream that begins with ``head``, and what it is to be given first; None: not known yet."""
        form = format_of(head)
        if form is not None and "wav" in form.demuxers:
            return self._wav(head, final=final)
        if form is not None:
            return self._container(), head
        encoding = self._raw.encoding
        if isinstance(encoding, CodedEncoding) and encoding.in_messages:
            return self._container(self._raw), head
        if not final and len(head) < (LONGEST if may_begin_with_marks(head) else HEAD_BYTES):
            return None, b""
        if begins_with_marks(head):
            return self._container(), head
        if isinstance(encoding, CodedEncoding):
            return self._container(), FIRST_BYTES[encoding] + head
        return self._pcm(self._raw, encoding), head

    def _wav(self, head: bytes, *, final: bool) -> tuple[PcmStream | ContainerStream | None, bytes]:
        """Its header says what the samples are. Its length is not believed: clients write it before they know it."""
        if head.startswith(b"RIFX"):
            return self._container(), head
        start = _wav_start(head)
        if start is None:
            over = final or len(head) > _LONGEST_WAV_HEADER
            return (self._container(), head) if over else (None, b"")
        raw = start.raw
        if raw is None or not isinstance(raw.encoding, PcmEncoding):
            return self._container(), head
        return self._pcm(raw, raw.encoding), head[start.samples_at :]


class _WavStart(NamedTuple):
    samples_at: int
    raw: RawAudio | None


def _wav_start(head: bytes) -> _WavStart | None:
    """Where the samples of a WAV file begin and what they are: None for other than those above; None: not known yet."""
    raw, at = None, 12
    while len(head) >= at + 8:
        kind, size = struct.unpack_from("<4sI", head, at)
        at += 8
        if kind == b"data":
            return _WavStart(at, raw)
        if kind == b"fmt " and len(head) >= at + size >= at + 16:
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
            if tag == _EXTENSIBLE and size >= 26:
                (tag,) = struct.unpack_from("<H", head, at + 24)
            encoding = _IN_WAV.get((tag, bits))
            raw = None if encoding is None else RawAudio(encoding, rate, channels)
        at += size + size % 2
    return None
