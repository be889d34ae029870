"""The process that decodes what strangers sent: ``python -m server.audio_in.child``, started by `DecoderProcess`.

FFmpeg parses hostile bytes in C. A file that corrupts memory or asks for gigabytes (the index of a forged MP4 does)
must not take the server with it, so it can only end this process, which holds nothing but the file and the pipe.

On the pipe (standard input, both ways), for each file: in come the limits, what the caller chose, and the file's
descriptor; out comes a ``PART`` with JSON whenever `PART_SECONDS` are decoded, and last a ``REPORT`` with what is left,
or an ``ERROR``. ``READY`` comes first of all, or ``UNFILTERED`` (see `server.audio_in.confinement`). The samples of a
part are in files in memory, one for each channel, whose descriptors are the arguments, and which the server empties:
an hour of them would be thousands of turns on a pipe. Behind a part the process waits until it is told to ``GO_ON``;
before that it may be asked for the file's ``EXTENT``, and answers with JSON or an ``ERROR``.
JSON, not pickle: whoever took over this process would own whoever unpickles its messages.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import BinaryIO

from model.seam.audio import SAMPLE_RATE
from server.audio_in.confinement import confine
from server.audio_in.decode import Block, FileDecoder
from server.audio_in.errors import AudioError
from server.audio_in.limits import PART_SECONDS, DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport

READY, UNFILTERED, PART, REPORT, ERROR = b"+", b"-", b"p", b"r", b"e"
GO_ON, EXTENT = b"g", b"x"


def serve(pipe: Connection, channels: Sequence[int]) -> None:
    """Decode one file after the other until the other end of the pipe is closed. ``channels``: where samples go."""
    while True:
        try:
            limits = DecodeLimits(**json.loads(pipe.recv_bytes()))
        except EOFError:
            return
        listening = Listening.from_json(pipe.recv_bytes())
        with os.fdopen(recv_handle(pipe), "rb") as file:
            last = _decode(pipe, channels, file, limits, listening)
        pipe.send_bytes(last)


def _decode(
    pipe: Connection, channels: Sequence[int], file: BinaryIO, limits: DecodeLimits, listening: Listening
) -> bytes:
    """Send all parts but the last. Returns the last message, to be sent when the file is closed."""
    report = DecodeReport()
    try:
        decoder = FileDecoder(file, limits, report, listening)
        with _written(channels) as part:
            for block in decoder.blocks():
                part.write(block)
                if part.seconds >= PART_SECONDS:
                    part.end()
                    pipe.send_bytes(PART + json.dumps(asdict(report)).encode())
                    while pipe.recv_bytes() == EXTENT:
                        _tell_extent(pipe, decoder)
            part.end()
    except AudioError as error:
        return ERROR + error.json
    return REPORT + json.dumps(asdict(report)).encode()


def _tell_extent(pipe: Connection, decoder: FileDecoder) -> None:
    try:
        extent = decoder.extent()
    except AudioError as error:
        pipe.send_bytes(ERROR + error.json)
    else:
        pipe.send_bytes(EXTENT + json.dumps(extent).encode())


class _Part:
    """Each row of a block goes to a file of its own. A channel that comes later begins with silence, one that ends
    earlier is padded: holes in such files are zeros."""

    def __init__(self, files: Sequence[BinaryIO]) -> None:
        self._files = files
        self._written = 0
        self._rows = 0

    @property
    def seconds(self) -> float:
        """What is in it."""
        return self._written / (SAMPLE_RATE * 4)

    def write(self, block: Block) -> None:
        """What comes next."""
        for file, row in zip(self._files, block, strict=False):
            file.seek(self._written)
            file.write(row.data)
        self._written += block[0].nbytes
        self._rows = max(self._rows, len(block))

    def end(self) -> None:
        """Another one begins."""
        for file in self._files[: self._rows]:
            file.truncate(self._written)
        self._written = 0


@contextmanager
def _written(channels: Sequence[int]) -> Iterator[_Part]:
    with ExitStack() as stack:
        yield _Part([stack.enter_context(open(channel, "wb", closefd=False)) for channel in channels])


def _main() -> None:
    pipe = Connection(0)
    with suppress(ConnectionError, EOFError):  # the server is gone
        pipe.send_bytes(READY if confine() else UNFILTERED)
        serve(pipe, [int(channel) for channel in sys.argv[1:]])


if __name__ == "__main__":
    _main()
