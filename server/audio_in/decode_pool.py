"""Whole recordings in memory, decoded beside the event loop and outside of this process."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import BinaryIO, Self

from model.seam.audio import Samples
from server.audio_in.deaths import DecoderDeaths, DecoderDied
from server.audio_in.decoding import Decoding
from server.audio_in.errors import DecodeStopped
from server.audio_in.kept_samples import IN_MEMORY_SECONDS
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.process import DecoderProcess
from server.audio_in.report import DecodeReport


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """A whole recording.

    ``channels``: their mix alone or, where they were asked for, each for itself, all of the same length: [n], mono
    24 kHz float32, n > 0.
    """

    channels: tuple[Samples, ...]
    report: DecodeReport

    @classmethod
    def of(cls, decoding: Decoding) -> DecodedAudio:
        """``decoding`` is over."""
        return cls(tuple(tape.stretch(0, tape.size) for tape in decoding.tapes), decoding.report)


class DecodePool:
    """A fixed number of places for decoding, each with a thread that waits for a process; further files wait in order.

    The processes start when they are first needed and are kept, as many as there are places. Files that are decoded
    only as far as somebody asks keep theirs while they wait, but no place. Close the pool, or use it in ``with``.

    Attributes:
        size: the number of places.
        in_memory_seconds: of samples that are held at once, up to which they are held in memory; more lie on the disk.
        died: the deaths of its processes, and of others that decode for the same application.
    """

    def __init__(self, size: int, in_memory_seconds: float = IN_MEMORY_SECONDS) -> None:
        self.size = size
        self.in_memory_seconds = in_memory_seconds
        self.died = DecoderDeaths()
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="decode")
        self._idle: list[DecoderProcess] = []
        self._decodings: set[Decoding] = set()
        self._closed = False
        self._preparing = False

    def prepare(self) -> None:
        """A file is on its way: where all processes that there are have work, and there is a place, one starts."""
        if self._closed or self._preparing or self.running + len(self._idle) >= self.size:
            return
        self._preparing = True
        with suppress(RuntimeError):  # it was closed by another thread
            self._executor.submit(self._start_another)

    def begin(
        self,
        file: BinaryIO,
        limits: DecodeLimits,
        listening: Listening = Listening(),  # noqa: B008 - frozen
    ) -> Decoding:
        """``file`` (seekable; not to be touched until it is closed), to be decoded as the caller chose.

        Raises DecodeStopped where the pool was closed.
        """
        if self._closed:
            raise DecodeStopped
        decoding = Decoding(self, self._executor, file, limits, listening)
        self._decodings.add(decoding)
        return decoding

    async def decode(
        self,
        file: BinaryIO,
        limits: DecodeLimits,
        listening: Listening = Listening(),  # noqa: B008 - frozen
    ) -> DecodedAudio:
        """All of it.

        Cancelling the awaiting task ends the decode at once and returns when nothing uses ``file`` any more. Raises as
        `Decoding.reach`.
        """
        async with self.begin(file, limits, listening) as decoding:
            await decoding.reach(inf)
            return DecodedAudio.of(decoding)

    @property
    def running(self) -> int:
        """Files that are being decoded."""
        return sum(decoding.running for decoding in tuple(self._decodings))

    @property
    def waiting(self) -> int:
        """Files that wait for a place."""
        return sum(decoding.waiting for decoding in tuple(self._decodings))

    @property
    def pids(self) -> list[int]:
        """Of the processes, idle or not."""
        working = (decoding.pid for decoding in tuple(self._decodings))
        return [*(pid for pid in working if pid is not None), *(process.pid for process in tuple(self._idle))]

    @property
    def deaths(self) -> Mapping[str, int]:
        """How many decoders died, by `DeathReason`."""
        return self.died.counts

    def close(self) -> None:
        """End every decode and wait for the threads and processes. May be called from any thread, and again."""
        self._closed = True
        decodings = tuple(self._decodings)
        for decoding in decodings:
            decoding.stop()
        self._executor.shutdown()
        for decoding in decodings:
            decoding.drop()
        while self._idle:
            self._idle.pop().close()

    def _start_another(self) -> None:
        try:
            with suppress(OSError):  # whoever needs it tries again, and tells of it
                self.give_back(DecoderProcess())
        finally:
            self._preparing = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # Decodings call these.

    def take(self) -> DecoderProcess:
        """See Processes."""
        while self._idle:
            process = self._idle.pop()
            if process.usable:
                return process
            process.close()
        return DecoderProcess()

    def give_back(self, process: DecoderProcess) -> None:
        """See Processes."""
        if process.usable and len(self._idle) < self.size:
            self._idle.append(process)
        else:
            process.close()

    def forget(self, decoding: Decoding) -> None:
        """See Processes."""
        self._decodings.discard(decoding)

    def note(self, death: DecoderDied) -> None:
        """See Processes."""
        self.died.note(death)
