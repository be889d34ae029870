"""A container that comes while it is recorded (a browser's WebM or Ogg, MP3, ...) → 24 kHz float32, mixed or split."""

from __future__ import annotations

import asyncio
import socket
import subprocess

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.audio_in import container_child
from server.audio_in.errors import AudioError, AudioErrorCode, damaged_stream
from server.audio_in.limits import MAX_CHANNELS
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels
from server.audio_in.process import START_SECONDS, DecoderDied, start_child

_WORK_SECONDS = 30.0
"""Longest time for one piece, of which ordinary ones take milliseconds; then the decoder hangs."""
_MAX_SECONDS = 900.0
"""Audio that one piece may hold, all rows together. A few bytes can stand for hours of silence."""
_MAX_BARREN_BYTES = 1 << 21
"""Bytes in which there must be some audio; a damaged length can make FFmpeg skip all that ever comes."""
_SAMPLE_BYTES = 4


class ContainerStream:
    """Decodes one live stream in a process of its own, which starts with the first bytes.

    What comes out are rows of samples, [rows, n]: one with the mix, or with ``split`` one for each channel that the
    container has. Until there are any samples there is one row.

    One call at a time; after an error or a cancelled call only `close` may follow, and it must in any case.

    Args:
        packets: instead of a container come packets, each whole in a piece of its own, of this kind.
        split: each channel is to be a row.
    """

    def __init__(self, packets: RawAudio | None = None, *, split: bool = False) -> None:
        self._packets = packets
        self._split = split
        self._rows = 1
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: socket.socket | None = None
        self._over = False
        self._barren = 0

    async def push(self, data: bytes) -> Channels:
        """The next bytes, cut anywhere → the samples that they complete: [rows, n], n may be 0.

        Bytes behind the end of a container that tells its length are dropped.

        Raises:
            AudioError: the stream cannot be decoded (any further).
            DecoderDied: the process did not start.
        """
        if not data or self._over:
            return self._nothing
        samples = await self._exchange(data)
        self._barren = 0 if samples.size else self._barren + len(data)
        if self._barren > _MAX_BARREN_BYTES:
            raise damaged_stream()
        return samples

    async def flush(self) -> Channels:
        """No more bytes come → the samples still inside. A container cannot go on after that. Raises as `push`."""
        return self._nothing if self._over or self._process is None else await self._exchange(b"")

    def close(self) -> None:
        """End the process and wait for that. Harmless when repeated."""
        self._over = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()

    @property
    def _nothing(self) -> Channels:
        return np.zeros((self._rows, 0), np.float32)

    async def _exchange(self, piece: bytes) -> Channels:
        pipe = self._pipe if self._pipe is not None else await self._start()
        try:
            async with asyncio.timeout(_WORK_SECONDS):
                await asyncio.get_running_loop().sock_sendall(pipe, container_child.PIECE.pack(len(piece)) + piece)
                return await self._answer(pipe)
        except TimeoutError:
            raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.") from None
        except ConnectionError:
            raise damaged_stream() from None

    async def _start(self) -> socket.socket:
        self._pipe, theirs = socket.socketpair()
        self._pipe.setblocking(False)
        with theirs:
            self._process = start_child(container_child.__name__, theirs.fileno(), arguments=self._arguments())
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._answer(self._pipe)
        except (TimeoutError, ConnectionError):
            raise DecoderDied from None
        return self._pipe

    def _arguments(self) -> tuple[str, ...]:
        rows = container_child.SPLIT if self._split else container_child.MIX
        return (rows, *(() if self._packets is None else container_child.packet_arguments(self._packets)))

    async def _answer(self, pipe: socket.socket) -> Channels:
        """What the child says until it is this end's turn again, or it has said its last word."""
        samples = bytearray()
        while True:
            kind, size = container_child.MESSAGE.unpack(await _read(pipe, container_child.MESSAGE.size))
            content = await _read(pipe, size)
            if kind == container_child.ROWS:
                self._rows = min(max(int.from_bytes(content), 1), MAX_CHANNELS)
                continue
            if kind == container_child.SAMPLES:
                samples += content
                if len(samples) > _MAX_SECONDS * SAMPLE_RATE * _SAMPLE_BYTES:
                    message = f"One piece of the stream holds more than {_MAX_SECONDS:g} seconds of audio."
                    raise AudioError(AudioErrorCode.AUDIO_TOO_LONG, message)
                continue
            self._over = kind != container_child.WANT
            if kind == container_child.ERROR:
                raise AudioError.from_json(content)
            whole = len(samples) // (self._rows * _SAMPLE_BYTES)
            return np.frombuffer(samples, np.float32, whole * self._rows).reshape(whole, self._rows).T


async def _read(pipe: socket.socket, size: int) -> bytearray:
    """Exactly ``size`` bytes. Raises ConnectionError when the other end is gone."""
    loop, data = asyncio.get_running_loop(), bytearray()
    while len(data) < size:
        received = await loop.sock_recv(pipe, size - len(data))
        if not received:
            raise ConnectionError("the decoder is gone")
        data += received
    return data
