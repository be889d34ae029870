"""One file on its way through a decoder: as far as somebody asked, and no further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar

from server.audio_in.closing import until_done
from server.audio_in.deaths import ATTEMPTS, DeathReason, DecoderDied, verdict
from server.audio_in.errors import AudioError, DecodeStopped
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.process import DecodedPart, DecoderProcess
from server.audio_in.report import DecodeReport, Extent
from server.audio_in.tape import Tape

_Had = TypeVar("_Had")


class Processes(Protocol):
    """Where decoders come from, and what is known of those that died.

    ``in_memory_seconds``: of samples, up to which they are held in memory.
    """

    in_memory_seconds: float

    def take(self) -> DecoderProcess:
        """One that has nothing to do."""
        ...

    def give_back(self, process: DecoderProcess) -> None:
        """One that has nothing to do, or that is of no use any more."""
        ...

    def forget(self, decoding: Decoding) -> None:
        """It is closed."""
        ...

    def note(self, death: DecoderDied) -> None:
        """One died."""
        ...


class Decoding:
    """Made by `DecodePool.begin`. Async context manager; leaving it ends the work, and nothing uses the file any more.

    Its process waits while nobody asks for more, and holds no place then. One that dies is replaced: another one begins
    with the file again, and what it gives a second time is dropped. When that dies as well before it is any further,
    the decoding fails.

    Attributes:
        tapes: the samples so far, 24 kHz: their mix alone, or one for each channel, all as long as each other. How many
            channels there are is known once the `extent` is.
        report: on what was decoded so far.
        over: all of it was.
    """

    def __init__(
        self, processes: Processes, threads: Executor, file: BinaryIO, limits: DecodeLimits, listening: Listening
    ) -> None:
        self.tapes: list[Tape] = []
        self.report = DecodeReport()
        self.over = False
        self._processes, self._threads = processes, threads
        self._give = partial(DecoderProcess.begin, file=file, limits=limits, listening=listening)
        self._split = listening.split
        self._wanted = 0.0
        self._process: DecoderProcess | None = None
        self._stopped = False
        self._lock = Lock()
        self._deaths: list[DecoderDied] = []
        self._again = 0  # of what comes next, so many samples are there already
        self._future: Future[None] | None = None  # what a thread does, or is to do
        self._working: asyncio.Future[None] | None = None  # the same for this loop
        self._at_work = False
        self._failure: BaseException | None = None

    @property
    def size(self) -> int:
        """Samples of each tape."""
        return self.tapes[0].size if self.tapes else 0

    @property
    def running(self) -> bool:
        """It has a place."""
        return self._at_work

    @property
    def waiting(self) -> bool:
        """It waits for one."""
        return self._future is not None and not self._at_work

    @property
    def pid(self) -> int | None:
        """Of its process, where it has one."""
        process = self._process
        return None if process is None else process.pid

    def expect(self, samples: float) -> None:
        """So many will be asked for soon."""
        self._wanted = max(self._wanted, samples)
        if self._future is None and self.size < self._wanted and not self.over:
            self._begin(self._decode)

    async def reach(self, samples: float) -> None:
        """Wait until there are so many, or until it is `over`.

        Raises:
            AudioError: the audio cannot be used, or not any further.
            DecoderFailed: the process died, and so did the next one, and not by what the file does to them.
            DecodeStopped: the pool was closed.
            OSError: there is no room for the samples.
        """
        self.expect(samples)
        while self.size < samples and not self.over:
            await self._turn()

    async def extent(self) -> Extent:
        """How much is in the whole file, as `server.audio_in.decode.FileDecoder` has it. Raises as `reach`."""
        told: list[Extent] = []
        while not told and not self.over:
            if self._future is None:
                self._begin(lambda: told.append(self._attempt(self._extent)))
            await self._turn()
        return told[0] if told else Extent(self.report.seconds, len(self.tapes))

    async def close(self) -> None:
        """End it. Harmless when repeated. It has ended also when this was cancelled."""
        self.stop()
        self._processes.forget(self)
        try:
            if self._working is not None and self._future is not None and not self._future.cancel():
                await until_done(self._working)
        finally:
            try:
                if self._process is not None:
                    await until_done(asyncio.get_running_loop().run_in_executor(None, self.drop))
            finally:
                for tape in self.tapes:
                    tape.close()

    def stop(self) -> None:
        """Whoever waits for it gets DecodeStopped. From any thread."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def drop(self) -> None:
        """End its process, and wait for that."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            self._processes.give_back(process)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _turn(self) -> None:
        """Until the thread has done what it is to do."""
        if self._failure is not None:
            raise self._failure
        if self._working is not None:
            await asyncio.wait([self._working])

    def _begin(self, work: Callable[[], None]) -> None:
        if self._failure is not None:
            return
        try:
            if self._stopped:
                raise DecodeStopped
            self._future = self._threads.submit(work)
        except (DecodeStopped, RuntimeError):  # there are no threads any more
            self._failure = DecodeStopped()
            return
        self._working = asyncio.wrap_future(self._future)
        self._working.add_done_callback(self._done)

    def _done(self, working: asyncio.Future[None]) -> None:
        self._future = self._working = None
        self._failure = DecodeStopped() if working.cancelled() else working.exception()
        self.expect(self._wanted)

    # Threads do the following, one at a time.

    def _decode(self) -> None:
        self._at_work = True
        try:
            while self.size < self._wanted and not self.over:
                self._attempt(self._next)
        finally:
            self._at_work = False

    def _attempt(self, work: Callable[[DecoderProcess], _Had]) -> _Had:
        while True:
            try:
                return work(self._process or self._had())
            except DecoderDied as death:
                self.drop()
                if self._stopped:
                    raise DecodeStopped from None
                self._processes.note(death)
                self._deaths.append(death)
                if len(self._deaths) == ATTEMPTS:
                    raise verdict(self._deaths) from None

    def _had(self) -> DecoderProcess:
        """A process that was given the file."""
        process = DecoderProcess() if self._deaths else self._processes.take()
        with self._lock:
            self._process = process
            if self._stopped:
                process.kill()
        self._again = self.size
        self._give(process)
        return process

    def _next(self, process: DecoderProcess) -> None:
        try:
            part = process.part()
        except AudioError:
            self._free()
            raise
        skipped = min(self._again, part.count)
        self._again -= skipped
        try:
            self._take(part, skipped)
        except ValueError:
            raise DecoderDied(DeathReason.CRASHED) from None
        except OSError:
            self.drop()
            raise
        self.report = part.report
        if part.count > skipped:
            self._deaths.clear()
        if part.last:
            self._free()
            self.over = True

    def _take(self, part: DecodedPart, skipped: int) -> None:
        self._have_tapes(len(part.rows))
        for tape in self.tapes[len(part.rows) :]:
            tape.fill(tape.size + part.count - skipped)
        # The first is last: whoever looks how many there are finds them on all.
        for tape, file in reversed(list(zip(self.tapes, part.rows, strict=False))):
            tape.take(file, part.count, skipped)

    def _extent(self, process: DecoderProcess) -> Extent:
        while not process.waiting:
            self._next(process)
            if self.over:
                return Extent(self.report.seconds, len(self.tapes))
        extent = process.extent()
        if self._split:
            self._have_tapes(extent.channels)
        return extent

    def _have_tapes(self, rows: int) -> None:
        """So many; those that come up late are silent until then."""
        for _ in range(len(self.tapes), rows):
            tape = Tape(self._processes.in_memory_seconds)
            tape.fill(self.size)
            self.tapes.append(tape)

    def _free(self) -> None:
        """The process has nothing to do."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            self._processes.give_back(process)
