"""Whole recordings in memory, decoded beside the event loop and outside of this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from model.seam.audio import Samples
from server.audio_in.deaths import ATTEMPTS, DecoderDeaths, DecoderDied, verdict
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


class DecodePool:
    """A fixed number of decoder processes, each with a thread that waits for it; further files wait in order.

    The processes start when they are first needed and are kept. A file whose process dies is given to a new one, once.
    Close the pool, or use it in ``with``.

    Attributes:
        size: that number.
        in_memory_seconds: of a recording, up to which its samples are held in memory; those of longer ones lie on the
            disk.
        died: the deaths of its processes, and of others that decode for the same application.
    """

    def __init__(self, size: int, in_memory_seconds: float = IN_MEMORY_SECONDS) -> None:
        self.size = size
        self.in_memory_seconds = in_memory_seconds
        self.died = DecoderDeaths()
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="decode")
        self._idle: list[DecoderProcess] = []
        self._jobs: set[_Job] = set()
        self._closed = False

    async def decode(
        self,
        file: BinaryIO,
        limits: DecodeLimits,
        listening: Listening = Listening(),  # noqa: B008 - frozen
    ) -> DecodedAudio:
        """Decode ``file`` (seekable; not to be touched meanwhile) as the caller chose.

        Cancelling the awaiting task ends the decode at once and returns when nothing uses ``file`` any more.

        Raises:
            AudioError: the audio cannot be used.
            DecoderFailed: the process died, and so did the next one, and not by what the file does to them.
            DecodeStopped: the pool was closed.
            OSError: there is no room for the samples.
        """
        if self._closed:
            raise DecodeStopped
        job = _Job()
        self._jobs.add(job)
        future = self._executor.submit(self._run, job, file, limits, listening)
        outcome = asyncio.wrap_future(future)
        try:
            await asyncio.wait([outcome])
        except asyncio.CancelledError:
            job.stop()
            if not future.cancel():
                await asyncio.wait([outcome])
                outcome.exception()  # taken, or asyncio would complain that nobody did
            raise
        finally:
            self._jobs.discard(job)
        return outcome.result()

    @property
    def running(self) -> int:
        """Files that are being decoded."""
        return sum(job.process is not None for job in tuple(self._jobs))

    @property
    def waiting(self) -> int:
        """Files that wait for a process."""
        return len(self._jobs) - self.running

    @property
    def pids(self) -> list[int]:
        """Of the processes, idle or not."""
        working = (job.process for job in tuple(self._jobs))
        return [process.pid for process in (*working, *tuple(self._idle)) if process is not None]

    @property
    def deaths(self) -> Mapping[str, int]:
        """How many decoders died, by `DeathReason`."""
        return self.died.counts

    def close(self) -> None:
        """End every decode and wait for the threads and processes. May be called from any thread, and again."""
        self._closed = True
        for job in tuple(self._jobs):
            job.stop()
        self._executor.shutdown()
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self, job: _Job, file: BinaryIO, limits: DecodeLimits, listening: Listening) -> DecodedAudio:
        deaths: list[DecoderDied] = []
        while len(deaths) < ATTEMPTS:
            process = DecoderProcess(self.in_memory_seconds) if deaths else self._take()
            try:
                with job.using(process):
                    return DecodedAudio(*process.decode(file, limits, listening))
            except DecoderDied as death:
                if job.stopped:
                    raise DecodeStopped from None
                self.died.note(death)
                deaths.append(death)
            finally:
                if process.usable:
                    self._idle.append(process)
                else:
                    process.close()
        raise verdict(deaths)

    def _take(self) -> DecoderProcess:
        while self._idle:
            process = self._idle.pop()
            if process.usable:
                return process
            process.close()
        return DecoderProcess(self.in_memory_seconds)


class _Job:
    """Lets the event loop end what a thread waits for.

    Attributes:
        process: that decodes its file; None before and after.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.process: DecoderProcess | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            if self.process is not None:
                self.process.kill()

    @contextmanager
    def using(self, process: DecoderProcess) -> Iterator[None]:
        """Inside, `stop` kills ``process``. Raises DecodeStopped when it was called before."""
        with self._lock:
            if self.stopped:
                raise DecodeStopped
            self.process = process
        try:
            yield
        finally:
            with self._lock:
                self.process = None
