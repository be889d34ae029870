"""A decoder in a process of its own, as the thread that uses it sees it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import UnsupportedOperation
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from typing import BinaryIO

import numpy as np

from model.steps import Samples
from server.audio_in import child
from server.audio_in.decode import DecodeReport
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.limits import DecodeLimits

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""NumPy's threads are of no use here, and on large machines the memory they reserve would fill the child's limit."""
_START_SECONDS = 60.0
_GRACE_SECONDS = 5.0
"""The decoder minds its time itself; one that is silent for this much longer hangs inside FFmpeg."""


def start_child(module: str, stdin: int) -> subprocess.Popen[bytes]:
    """``python -m module`` with the descriptor ``stdin`` as its standard input, and this process's imports."""
    return subprocess.Popen(  # noqa: S603 - nothing in the command comes from outside
        [sys.executable, "-m", module],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
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
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = start_child(child.__name__, theirs.fileno())

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

    def decode(self, file: BinaryIO, limits: DecodeLimits) -> tuple[Samples, DecodeReport]:
        """What `server.audio_in.decode.decode` makes of ``file``, joined: [n] and the report.

        Raises:
            AudioError: as there, and ``decode_timeout`` where the process hangs (it is killed then).
            DecoderDied: the process ended.
        """
        if not self.started:
            self._wait_until_started()
        with _on_disk(file) as descriptor, self._until_it_dies():
            self._pipe.send_bytes(json.dumps(asdict(limits)).encode())
            send_handle(self._pipe, descriptor, self._process.pid)
            return self._answer(limits.work_seconds + _GRACE_SECONDS)

    def _wait_until_started(self) -> None:
        if not self._pipe.poll(_START_SECONDS):
            self.kill()
        with self._until_it_dies():
            self.started = self._pipe.recv_bytes() == child.READY

    def _answer(self, longest_silence: float) -> tuple[Samples, DecodeReport]:
        # Grows in place: joining a list of blocks at the end would hold everything twice.
        samples = bytearray()
        while self._pipe.poll(longest_silence):
            message = self._pipe.recv_bytes()
            kind, content = message[:1], memoryview(message)[1:]
            if kind == child.SAMPLES:
                samples += content
            elif kind == child.REPORT:
                return np.frombuffer(samples, np.float32), DecodeReport(**json.loads(bytes(content)))
            else:
                error = json.loads(bytes(content))
                raise AudioError(AudioErrorCode(error["code"]), error["message"])
        self.kill()
        raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.")

    @contextmanager
    def _until_it_dies(self) -> Iterator[None]:
        """However the pipe says that the process is gone, it becomes DecoderDied."""
        try:
            yield
        except (EOFError, ConnectionError):
            self._ended = True
            raise DecoderDied from None


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
