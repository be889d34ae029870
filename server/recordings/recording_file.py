"""The file of a recording, which is all that is kept of it: where a worker took its samples along it is read again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from math import inf
from typing import BinaryIO

import numpy as np

from model.seam.audio import Level, Samples
from server.audio_in.decode_pool import DecodePool
from server.audio_in.decoding import Decoding
from server.audio_in.errors import AudioError, DecodeStopped
from server.audio_in.limits import DecodeLimits
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.recordings.errors import UnusableReference
from server.recordings.reading import begin_recording, read_recording
from server.recordings.recording import Recording
from server.recordings.stream_audio import StreamAudio
from server.recordings.wishes import Wishes
from server.resources import Budget, BudgetSpent

_GONE = "The process that ran this request ended, and the recording could not be read again."
_OTHER = "The process that ran this request ended, and the recording was another one when it was read again."
_AT_ONCE = 1 << 20
"""Bytes that are digested at a time, without Python's lock."""


class RecordingFile:
    """A file and how it is wished to be heard. The file is seekable and valid until `close`; nobody else uses it.

    Args:
        file: of the recording.
        wishes: of the caller.
        decoders: for the file, and for known speakers' clips.
        limits: of decoding it, each time.
        memory: where samples count that were read again, as far as there is any left: their request was let in before.

    Attributes:
        fingerprint: digest of what the model is asked: the same for the same file and wishes, whoever sends them and
            when. Known once the file was read. Where not all of it was, only the wishes are in it: it is heard in
            windows, which tell themselves from others by their sound.
    """

    def __init__(
        self, file: BinaryIO, wishes: Wishes, *, decoders: DecodePool, limits: DecodeLimits, memory: Budget
    ) -> None:
        self.wishes = wishes
        self.fingerprint = ""
        self._file = file
        self._decoders = decoders
        self._limits = limits
        self._memory = memory
        self._decoding: Decoding | None = None
        self._alone = asyncio.Lock()  # whoever reads from the file again is
        self._pass: _Pass | None = None
        self._passes: set[asyncio.Task[list[StreamAudio]]] = set()

    async def read(self, longest: float = inf) -> tuple[Recording, list[StreamAudio]]:
        """See `begin_recording`. What it does not decode comes until `close`."""
        self._decoding = decoding = self._decoders.begin(self._file, self._limits, self.wishes.listening)
        read = await begin_recording(self._decoders, decoding, self.wishes, self._limits, longest)
        self.fingerprint = await asyncio.to_thread(digest, self._file if decoding.over else None, self.wishes)
        return read

    def of(self, audio: StreamAudio) -> ChannelSource:
        """Has ``audio`` again, which `read` returned."""
        return ChannelSource(self, self._memory, audio.channel, audio.length, audio.level)

    async def read_again(self, channel: int | None) -> StreamAudio:
        """What the stream of this channel gets. Who asks at the same time shares one pass over the file.

        Only of a file of which all was decoded. Raises EngineError where it cannot be had any more.
        """
        if self._pass is None:
            self._begin_pass()
        present = self._pass
        assert present is not None
        present.waiting += 1
        try:
            heard = await asyncio.shield(present.reading)
        except (AudioError, UnusableReference, BudgetSpent):
            raise EngineError(FailureCode.INTERNAL, _GONE) from None
        except DecodeStopped:
            raise EngineError(FailureCode.SHUTTING_DOWN, "The server is shutting down.") from None
        finally:
            present.waiting -= 1
            if not present.waiting and not present.reading.done():
                present.reading.cancel()
                self._pass = None
        found = next((audio for audio in heard if audio.channel == channel), None)
        if found is None:
            raise EngineError(FailureCode.INTERNAL, _OTHER)
        return found

    async def close(self) -> None:
        """The file is not used any more."""
        if self._decoding is not None:
            await self._decoding.close()
        for reading in self._passes:
            if not reading.cancelling():  # else it puts its decoder away, which must not be interrupted
                reading.cancel()
        if self._passes:
            await asyncio.wait(self._passes)

    def _begin_pass(self) -> None:
        reading = asyncio.create_task(self._streams(), name="recording-again")
        self._pass = _Pass(reading)
        self._passes.add(reading)
        reading.add_done_callback(self._end_pass)

    async def _streams(self) -> list[StreamAudio]:
        async with self._alone:
            self._file.seek(0)
            _, heard = await read_recording(self._decoders, self._file, self.wishes, self._limits)
        return heard

    def _end_pass(self, reading: asyncio.Task[list[StreamAudio]]) -> None:
        self._passes.discard(reading)
        if self._pass is not None and self._pass.reading is reading:
            self._pass = None  # what it read is theirs who waited for it
        if not reading.cancelled():
            reading.exception()  # taken, or asyncio would complain where nobody waits


@dataclass(slots=True)
class _Pass:
    """The file is being read again, and so many wait for it."""

    reading: asyncio.Task[list[StreamAudio]]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """An `AudioSource`: what one stream got of a recording, by its file.

    Attributes:
        channel, length, level: of what it got; see `StreamAudio`.
    """

    file: RecordingFile
    memory: Budget
    channel: int | None
    length: int
    level: Level

    async def replay(self) -> AsyncGenerator[Samples, None]:
        """See `AudioSource`. Raises EngineError."""
        audio = await self.file.read_again(self.channel)
        if (audio.length, audio.level) != (self.length, self.level):
            raise EngineError(FailureCode.INTERNAL, _OTHER)
        with self.memory.share() as share:
            share.offered(audio.length * np.dtype(np.float32).itemsize)
            for block in audio.blocks:
                yield block


def digest(file: BinaryIO | None, wishes: Wishes) -> str:
    """What tells a request from others: what is wished that the model hears of, and all of the file."""
    whole = hashlib.sha256(repr(replace(wishes, speakers=())).encode())
    for speaker in wishes.speakers:
        whole.update(hashlib.sha256(speaker.name.encode()).digest())
        whole.update(hashlib.sha256(speaker.clip).digest())
    if file is not None:
        file.seek(0)
        while part := file.read(_AT_ONCE):
            whole.update(part)
    return whole.hexdigest()
