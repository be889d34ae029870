"""A decoder in a process of its own, as the thread that uses it sees it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from io import FileIO, UnsupportedOperation
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from typing import BinaryIO

import numpy as np

from model.seam.audio import Samples
from server.audio_in import child
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.limits import MAX_CHANNELS, DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""NumPy's threads are of no use here, and on large machines the memory they reserve would fill the child's limit."""
START_SECONDS = 60.0
_SAMPLE_BYTES = np.dtype(np.float32).itemsize
_COPIED_AT_ONCE = 1 << 24
"""Bytes."""
_GRACE_SECONDS = 5.0
"""The decoder minds its time itself; one that is silent for this much longer hangs inside FFmpeg."""


def start_child(module: str, stdin: int, *descriptors: int, arguments: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """``python -m module`` with this standard input, this process's imports, and descriptors named by arguments."""
    return subprocess.Popen(  # noqa: S603 - nothing in the command comes from outside
        [sys.executable, "-m", module, *map(str, descriptors), *arguments],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        pass_fds=descriptors,
        env=os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


class DecoderDied(Exception):  # noqa: N818 - what it means for the request depends on who did it
    """The process ended before its answer."""


class DecoderProcess:
    """One child process that decodes files, one at a time. `kill` may come from any thread.

    Attributes:
        started: it has come up; if it ends from now on, a file or `kill` did it.
    """

    def __init__(self) -> None:
        self.started = False
        self._ended = False
        self._channels = [_file_in_memory() for _ in range(MAX_CHANNELS)]
        self._pipe, theirs = Pipe()
        with theirs:
            descriptors = (channel.fileno() for channel in self._channels)
            self._process = start_child(child.__name__, theirs.fileno(), *descriptors)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        return not self._ended and self._process.poll() is None

    def kill(self) -> None:
        """End the process at once; a `decode` in progress raises DecoderDied."""
        self._ended = True
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for that."""
        self.kill()
        self._process.wait()
        self._pipe.close()
        for channel in self._channels:
            channel.close()

    def decode(
        self, file: BinaryIO, limits: DecodeLimits, listening: Listening
    ) -> tuple[tuple[Samples, ...], DecodeReport]:
        """What `server.audio_in.decode.decode` makes of ``file``, joined: [n] for each row, and the report.

        Raises:
            AudioError: as there, and ``decode_timeout`` where the process hangs (it is killed then).
            DecoderDied: the process ended.
        """
        if not self.started:
            self._wait_until_started()
        with _on_disk(file) as descriptor, self._until_it_dies():
            self._pipe.send_bytes(json.dumps(asdict(limits)).encode())
            self._pipe.send_bytes(listening.json.encode())
            send_handle(self._pipe, descriptor, self._process.pid)
            report = self._answer(limits.work_seconds + _GRACE_SECONDS)
            return self._take_samples(report, limits), report

    def _wait_until_started(self) -> None:
        if not self._pipe.poll(START_SECONDS):
            self.kill()
        with self._until_it_dies():
            self.started = self._pipe.recv_bytes() == child.READY

    def _answer(self, patience: float) -> DecodeReport:
        if not self._pipe.poll(patience):
            self.kill()
            raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.")
        message = self._pipe.recv_bytes()
        if message[:1] == child.REPORT:
            return DecodeReport(**json.loads(message[1:]))
        for channel in self._channels:
            channel.truncate(0)
        raise AudioError.from_json(message[1:])

    def _take_samples(self, report: DecodeReport, limits: DecodeLimits) -> tuple[Samples, ...]:
        """What the process wrote, copied: it could change it later. Raises EOFError unless it is what it says."""
        expected = [report.samples * _SAMPLE_BYTES] * report.rows
        expected += [0] * (len(self._channels) - len(expected))
        if not report.rows or [os.fstat(channel.fileno()).st_size for channel in self._channels] != expected:
            raise EOFError
        try:
            limits.check_length(report.seconds, report.rows)
        except AudioError:
            raise EOFError from None
        return tuple(_moved(channel, report.samples) for channel in self._channels[: report.rows])

    @contextmanager
    def _until_it_dies(self) -> Iterator[None]:
        """However the pipe says that the process is gone, it becomes DecoderDied."""
        try:
            yield
        except (EOFError, ConnectionError):
            self._ended = True
            raise DecoderDied from None


def _moved(file: FileIO, count: int) -> Samples:
    """``count`` samples, copied. Raises EOFError when there are fewer.

    From the file's end, so that what is copied can be given back and an hour of audio is never held twice.
    """
    samples = np.empty(count, np.float32)
    content = samples.data.cast("B")
    for start in reversed(range(0, len(content), _COPIED_AT_ONCE)):
        piece = content[start : start + _COPIED_AT_ONCE]
        file.seek(start)
        if file.readinto(piece) != len(piece):
            raise EOFError
        file.truncate(start)
    return samples


def _file_in_memory() -> FileIO:
    """An empty file, nowhere but in memory where the system has such files."""
    if sys.platform == "linux":
        return FileIO(os.memfd_create("samples"), "r+")
    with tempfile.TemporaryFile(buffering=0) as file:
        return FileIO(os.dup(file.fileno()), "r+")


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[int]:
    """A descriptor to read ``file`` by. A spooled file that is still in memory moves to disk, a BytesIO is copied."""
    file.flush()
    try:
        descriptor = file.fileno()
    except UnsupportedOperation:
        with tempfile.TemporaryFile() as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield copy.fileno()
    else:
        yield descriptor
