"""A decoder in a process of its own, as the thread that uses it sees it."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import FileIO, UnsupportedOperation
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from typing import BinaryIO, NoReturn

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.audio_in import child
from server.audio_in.deaths import DeathReason, DecoderDied, warn_of_missing_filter
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.launch import START_SECONDS, Child, Idleness, file_in_memory
from server.audio_in.limits import MAX_CHANNELS, DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport, Extent

_SAMPLE_BYTES = np.dtype(np.float32).itemsize
_BLOCK_BYTES = 1 << 20
"""What may be written of a block of samples before it is found to be too much."""
_MESSAGE_BYTES = 1 << 20
"""A process that says more at once than this has other things in mind."""
_GRACE_SECONDS = 5.0
"""The decoder minds its time itself; one that is silent for this much longer is lost inside FFmpeg."""
_IDLE_SECONDS = 10.0
"""A decoder that has not computed for so long does not compute any more."""
_LOOK_SECONDS = 1.0
_BUSY_SHARE = 0.5
"""A decoder that was given so much of its time and did not come to an end was kept busy by its file."""


@dataclass(frozen=True, slots=True)
class DecodedPart:
    """Attributes:
    report: on all that was decoded so far.
    rows: files of the samples, to be emptied before the next part is waited for.
    count: samples in each of them.
    last: nothing follows.
    """

    report: DecodeReport
    rows: Sequence[FileIO]
    count: int
    last: bool


class DecoderProcess:
    """One child process that decodes files, one at a time. `kill` may come from any thread.

    Attributes:
        waiting: it has decoded a part, and waits until the next one is wanted.
    """

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._channels = [file_in_memory("samples") for _ in range(MAX_CHANNELS)]
        self._pipe, theirs = Pipe()
        with theirs:
            descriptors = (channel.fileno() for channel in self._channels)
            self._process = Child(child.__name__, theirs.fileno(), *descriptors)
        self._limits = DecodeLimits(0.0, 0.0)
        self._taken = self._rows = 0
        self.waiting = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        return not self._ended and self._process.poll() is None

    def kill(self) -> None:
        """End the process at once; who waits for it gets DecoderDied."""
        self._ended = True
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for that."""
        self._ended = True
        self._process.end()
        self._pipe.close()
        for channel in self._channels:
            channel.close()

    def begin(self, file: BinaryIO, limits: DecodeLimits, listening: Listening) -> None:
        """Give it ``file``, which has to be the only one. Raises DecoderDied."""
        if not self._started:
            self._wait_until_started()
        self._limits, self._taken, self._rows, self.waiting = limits, 0, 0, False
        with _readable(file) as descriptor, self._until_it_dies():
            self._process.grant(self._patience + _GRACE_SECONDS, _file_bytes(limits))
            self._pipe.send_bytes(json.dumps(asdict(limits)).encode())
            self._pipe.send_bytes(listening.json.encode())
            send_handle(self._pipe, descriptor, self._process.pid)

    def part(self) -> DecodedPart:
        """Wait for what comes next of what `server.audio_in.decode.decode` makes of the file.

        Raises:
            AudioError: as there, and ``decode_timeout`` where the file kept the process busy beyond that.
            DecoderDied: the process ended, or was killed because it hangs or cannot be trusted.
        """
        with self._until_it_dies(), self._in_doubt():
            if self.waiting:
                self._pipe.send_bytes(child.GO_ON)
            message = self._answer(self._patience)
            self.waiting = message[:1] == child.PART
            if message[:1] not in (child.PART, child.REPORT):
                raise self._refusal(message)
            report = DecodeReport(**json.loads(message[1:]))
            return self._checked(report, last=not self.waiting)

    def extent(self) -> Extent:
        """How much is in the whole file, asked between two parts. Raises as `part`, ``audio_too_long`` among it."""
        with self._until_it_dies(), self._in_doubt():
            self._pipe.send_bytes(child.EXTENT)
            message = self._answer(self._patience)
            if message[:1] != child.EXTENT:
                raise self._refusal(message)
            seconds, channels = json.loads(message[1:])
            return Extent(float(seconds), min(int(channels), MAX_CHANNELS))

    @property
    def _patience(self) -> float:
        return self._limits.work_seconds + _GRACE_SECONDS

    def _wait_until_started(self) -> None:
        if not self._pipe.poll(START_SECONDS):
            self._die(DeathReason.START_FAILED)
        try:
            message = self._message()
        except (EOFError, ConnectionError, ValueError):
            self._die(DeathReason.START_FAILED)
        if message == child.UNFILTERED:
            warn_of_missing_filter()
        self._started = True

    def _answer(self, patience: float) -> bytes:
        end, idleness = time.monotonic() + patience, Idleness(self._process)
        while not self._pipe.poll(min(_LOOK_SECONDS, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end and idleness.computed >= _BUSY_SHARE * patience:
                self.kill()
                raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.")
            if time.monotonic() >= end or idleness.seconds >= _IDLE_SECONDS:
                self._die(DeathReason.HUNG)
        return self._message()

    def _message(self) -> bytes:
        try:
            return self._pipe.recv_bytes(_MESSAGE_BYTES)
        except ConnectionError:
            raise
        except OSError:
            raise ValueError("a longer message than there can be") from None

    def _refusal(self, message: bytes) -> AudioError:
        for channel in self._channels:
            channel.truncate(0)
        return AudioError.from_json(message[1:])

    def _checked(self, report: DecodeReport, *, last: bool) -> DecodedPart:
        """What the process wrote, if it is what it says. Raises ValueError."""
        count = report.samples - self._taken
        expected = [count * _SAMPLE_BYTES] * report.rows
        expected += [0] * (len(self._channels) - len(expected))
        sizes = [os.fstat(channel.fileno()).st_size for channel in self._channels]
        if not report.rows >= max(1, self._rows) or sizes != expected:
            raise ValueError("other samples than it reports")
        try:
            self._limits.check_length(report.seconds, report.rows)
        except AudioError:
            raise ValueError("more samples than it may decode") from None
        self._taken, self._rows = report.samples, report.rows
        return DecodedPart(report, self._channels[: report.rows], count, last)

    def _die(self, reason: DeathReason) -> NoReturn:
        self.kill()
        raise DecoderDied(reason, self._process.last_words)

    @contextmanager
    def _in_doubt(self) -> Iterator[None]:
        """A process that says what cannot be was taken over by its file, and sees no other."""
        try:
            yield
        except (ValueError, TypeError, LookupError):
            self._die(DeathReason.CRASHED)

    @contextmanager
    def _until_it_dies(self) -> Iterator[None]:
        """However the pipe says that the process is gone, it becomes DecoderDied."""
        try:
            yield
        except (EOFError, OSError):
            self._ended = True
            raise DecoderDied(self._process.cause(), self._process.last_words) from None


def _file_bytes(limits: DecodeLimits) -> int:
    return math.ceil(limits.max_seconds) * SAMPLE_RATE * _SAMPLE_BYTES + _BLOCK_BYTES


@contextmanager
def _readable(file: BinaryIO) -> Iterator[int]:
    """A descriptor from which ``file`` can be read, and where the system allows, only read.

    A spooled file that is still in memory moves to disk, a BytesIO is copied.
    """
    file.flush()
    try:
        descriptor = file.fileno()
    except UnsupportedOperation:
        with tempfile.TemporaryFile() as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)
            with _readable(copy) as descriptor:
                yield descriptor
        return
    try:
        descriptor = own = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        own = None
    try:
        yield descriptor
    finally:
        if own is not None:
            os.close(own)
