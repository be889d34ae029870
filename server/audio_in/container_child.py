"""The process that decodes one live stream (``python -m server.audio_in.container_child``), started by the stream.

As confined as `server.audio_in.child`, and for the same reasons. The pipe is its standard input, both ways. The two
ends take turns: the child says ``WANT`` when it has decoded all it was given, and gets the next piece of the container;
an empty piece is the end. Before ``WANT`` come the ``SAMPLES`` that the piece gave, of all rows in turn; how many rows
there are stands in a ``ROWS`` before the first. ``END`` or ``ERROR`` is its last word.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import groupby

import numpy as np
from av import CodecContext, FFmpegError, Packet
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from model.seam.audio import SAMPLE_RATE
from server.audio_in.channel_resampler import ChannelResampler
from server.audio_in.confinement import confine
from server.audio_in.containers import LiveSource, open_live
from server.audio_in.errors import AudioError, damaged_stream
from server.audio_in.frames import Piece, Timeline, decode_frames
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels, mix
from server.audio_in.report import DecodeReport

MIX, SPLIT = "mix", "split"
UNFILTERED, WANT, ROWS, SAMPLES, END, ERROR = b"-", b"w", b"r", b"s", b"z", b"e"
PIECE = struct.Struct("<I")
"""Before a piece of the container: its bytes."""
MESSAGE = struct.Struct("<cI")
"""Before what the child says: its kind, and the bytes that follow."""

_HOPELESS_PACKETS = 100
"""Of them none could be decoded: noise that looks like a format."""


class _Pipe:
    """The child's end. Samples are sent in blocks of about a second, or when the other end is to speak.

    Attributes:
        split: each channel is to be a row.
    """

    def __init__(self, connection: socket.socket, *, split: bool) -> None:
        self.split = split
        self._connection = connection
        self._incoming = connection.makefile("rb")
        self._held = bytearray()
        self._rows = 0

    def next_piece(self) -> bytes:
        """All that is known about the pieces so far goes out, then the next one comes in."""
        self.send_held()
        self._send(WANT)
        (size,) = PIECE.unpack(self._read(PIECE.size))
        return self._read(size)

    def send_samples(self, rows: Channels) -> None:
        """[rows, n], always as many rows."""
        if not self._rows:
            self._rows = len(rows)
            self._send(ROWS, bytes([self._rows]))
        self._held += rows.T.tobytes()
        if len(self._held) >= SAMPLE_RATE * rows.itemsize:
            self.send_held()

    def send_held(self) -> None:
        if self._held:
            self._send(SAMPLES, self._held)
            self._held = bytearray()

    def end(self, error: AudioError | None) -> None:
        self.send_held()
        if error is None:
            self._send(END)
        else:
            self._send(ERROR, error.json)

    def _send(self, kind: bytes, content: bytes | bytearray = b"") -> None:
        self._connection.sendall(MESSAGE.pack(kind, len(content)) + content)

    def _read(self, size: int) -> bytes:
        data = self._incoming.read(size)
        if len(data) < size:
            os._exit(0)  # the server is gone; an exception would have to find its way through FFmpeg
        return data


def packet_arguments(packets: RawAudio) -> tuple[str, ...]:
    """How the process is told that packets come, one in a piece, and of which kind."""
    return packets.encoding.value, str(packets.rate), str(packets.channels)


def serve(connection: socket.socket, rows: str, *packets: str) -> None:
    """Decode a container, or packets (see `packet_arguments`). The process ends when the pipe's other end is closed.

    ``rows``: ``MIX`` or ``SPLIT``.
    """
    pipe = _Pipe(connection, split=rows == SPLIT)
    try:
        if packets:
            _decode_packets(pipe, *packets)
        else:
            _decode(pipe)
    except AudioError as error:
        pipe.end(error)
    else:
        pipe.end(None)


def _decode(pipe: _Pipe) -> None:
    source, report = LiveSource(pipe.next_piece), DecodeReport()
    with open_live(source) as audio:
        _send(pipe, decode_frames(audio, report, partial(_check, report)), report)
    # A container that breaks off at the end is a recorder that was switched off; before, what follows would be lost.
    fruitless = not report.samples and (report.truncated or report.damaged_packets)
    if fruitless or (report.truncated and not source.ended):
        raise damaged_stream()


def _decode_packets(pipe: _Pipe, encoding: str, rate: str, channels: str) -> None:
    context, report = CodecContext.create(encoding, "r"), DecodeReport()
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout = int(rate), "stereo" if channels == "2" else "mono"
    _send(pipe, _frames_of_packets(pipe, context, report), report)


def _frames_of_packets(pipe: _Pipe, context: AudioCodecContext, report: DecodeReport) -> Iterator[AudioFrame]:
    while piece := pipe.next_piece():
        try:
            frames = context.decode(Packet(piece))
        except FFmpegError:
            report.damaged_packets += 1
            _check(report)
        else:
            yield from frames


def _check(report: DecodeReport) -> None:
    if report.damaged_packets > _HOPELESS_PACKETS and not report.samples:
        raise damaged_stream()


def _send(pipe: _Pipe, frames: Iterable[AudioFrame], report: DecodeReport) -> None:
    pieces = Timeline(report).pieces(frames)
    for rows in _resampled(_alike(pieces) if pipe.split else pieces, split=pipe.split):
        report.samples += rows.shape[1]
        pipe.send_samples(rows)


def _alike(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """With as many channels as the first has: the mix of another number of them is heard on the first one."""
    count = 0
    for rate, channels in pieces:
        count = count or len(channels)
        if len(channels) != count:
            mixed = np.zeros((count, channels.shape[1]), np.float32)
            mixed[0] = mix(channels)
            channels = mixed
        yield Piece(rate, channels)


def _resampled(pieces: Iterator[Piece], *, split: bool) -> Iterator[Channels]:
    """As they come, at 24 kHz; a new resampler where the sampling rate or the number of channels changes."""
    for (rate, channels), run in groupby(pieces, key=lambda piece: (piece.rate, len(piece.channels))):
        resampler = ChannelResampler(rate, channels, split=split)
        for piece in run:
            yield resampler.push(piece.channels)
        yield resampler.flush()


if __name__ == "__main__":
    filtered = confine()
    with suppress(ConnectionError), socket.socket(fileno=0) as connection:
        if not filtered:
            connection.sendall(MESSAGE.pack(UNFILTERED, 0))
        serve(connection, *sys.argv[1:])
