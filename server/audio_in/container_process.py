"""The decoder of one live stream, a process of its own, as the event loop sees it."""

from __future__ import annotations

import asyncio
import socket

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.audio_in import container_child
from server.audio_in.deaths import DeathReason, DecoderDied, warn_of_missing_filter
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.launch import START_SECONDS, Child, Idleness
from server.audio_in.limits import MAX_CHANNELS
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels

_WORK_SECONDS = 30.0
"""Longest time for one piece, of which ordinary ones take milliseconds."""
_BUSY_SHARE = 0.5
"""A decoder that was given so much of that time was kept busy by the piece; otherwise it hangs."""
_MAX_SECONDS = 900.0
"""Audio that one piece may hold, all rows together. A few bytes can stand for hours of silence."""
_SAMPLE_BYTES = 4
_COMPLAINT_BYTES = 1 << 16
"""It writes no other files."""


class ContainerProcess:
    """Decodes a stream from its beginning on. One call at a time; after an error only `close` may follow.

    Attributes:
        rows: of what it gives.
        over: it has said its last word.
    """

    def __init__(self, packets: RawAudio | None, *, split: bool) -> None:
        self.rows = 1
        self.over = False
        kind = container_child.SPLIT if split else container_child.MIX
        arguments = (kind, *(() if packets is None else container_child.packet_arguments(packets)))
        self._pipe, theirs = socket.socketpair()
        self._pipe.setblocking(False)
        with theirs:
            self._process = Child(container_child.__name__, theirs.fileno(), arguments=arguments)

    async def start(self) -> None:
        """Wait until it has come up. Raises DecoderDied."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._answer()
        except (TimeoutError, ConnectionError):
            raise DecoderDied(DeathReason.START_FAILED, self._process.last_words) from None

    async def exchange(self, piece: bytes) -> Channels:
        """Give it the next piece, an empty one at the end → the samples that this completes: [rows, n].

        Raises:
            AudioError: the stream cannot be decoded (any further).
            DecoderDied: the process ended, hangs, or cannot be trusted.
        """
        idleness = Idleness(self._process)
        try:
            async with asyncio.timeout(_WORK_SECONDS):
                self._process.grant(2 * _WORK_SECONDS, _COMPLAINT_BYTES)
                await asyncio.get_running_loop().sock_sendall(
                    self._pipe, container_child.PIECE.pack(len(piece)) + piece
                )
                return await self._answer()
        except TimeoutError:
            if idleness.computed >= _BUSY_SHARE * _WORK_SECONDS:
                raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.") from None
            raise DecoderDied(DeathReason.HUNG, self._process.last_words) from None
        except (ConnectionError, ProcessLookupError):
            cause = await asyncio.to_thread(self._process.cause)
            raise DecoderDied(cause, self._process.last_words) from None

    def close(self) -> None:
        """End the process and wait for that."""
        self._process.end()
        self._pipe.close()

    async def _answer(self) -> Channels:
        """What it says until it is this end's turn again, or it has said its last word."""
        samples = bytearray()
        while True:
            kind, size = container_child.MESSAGE.unpack(await self._read(container_child.MESSAGE.size))
            if len(samples) + size > _MAX_SECONDS * SAMPLE_RATE * _SAMPLE_BYTES:
                message = f"One piece of the stream holds more than {_MAX_SECONDS:g} seconds of audio."
                raise AudioError(AudioErrorCode.AUDIO_TOO_LONG, message)
            content = await self._read(size)
            match kind:
                case container_child.UNFILTERED:
                    warn_of_missing_filter()
                case container_child.ROWS:
                    self.rows = min(max(int.from_bytes(content), 1), MAX_CHANNELS)
                case container_child.SAMPLES:
                    samples += content
                case container_child.ERROR:
                    self.over = True
                    raise self._refusal(content)
                case _:
                    self.over = kind != container_child.WANT
                    whole = len(samples) // (self.rows * _SAMPLE_BYTES)
                    return np.frombuffer(samples, np.float32, whole * self.rows).reshape(whole, self.rows).T

    def _refusal(self, content: bytearray) -> Exception:
        try:
            return AudioError.from_json(content)
        except (ValueError, TypeError, LookupError):  # whoever says such things was taken over by the audio
            return DecoderDied(DeathReason.CRASHED, self._process.last_words)

    async def _read(self, size: int) -> bytearray:
        """Exactly ``size`` bytes. Raises ConnectionError when the other end is gone."""
        loop, data = asyncio.get_running_loop(), bytearray()
        while len(data) < size:
            received = await loop.sock_recv(self._pipe, size - len(data))
            if not received:
                raise ConnectionError("the decoder is gone")
            data += received
        return data
