"""The process that decodes what strangers sent: ``python -m server.audio_in.child``, started by `DecoderProcess`.

FFmpeg parses hostile bytes in C. A file that corrupts memory or asks for gigabytes (the index of a forged MP4 does)
must not take the server with it, so it can only end this process, which holds nothing but the file and the pipe.

On the pipe (standard input, both ways), for each file: in come the limits, what the caller chose, and the file's
descriptor; out comes one ``REPORT`` or ``ERROR`` with JSON. ``READY`` comes first of all, or ``UNFILTERED`` (see
`server.audio_in.confinement`). The samples are then in files in memory, one for each channel, whose descriptors are the
arguments, and which the server empties before the next one: an hour of them would be thousands of turns on a pipe.
JSON, not pickle: whoever took over this process would own whoever unpickles its messages.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from server.audio_in.confinement import confine
from server.audio_in.decode import Block, decode
from server.audio_in.errors import AudioError
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport

READY, UNFILTERED, REPORT, ERROR = b"+", b"-", b"r", b"e"


def serve(pipe: Connection, channels: Sequence[int]) -> None:
    """Decode one file after the other until the other end of the pipe is closed. ``channels``: where samples go."""
    while True:
        try:
            limits = DecodeLimits(**json.loads(pipe.recv_bytes()))
        except EOFError:
            return
        listening = Listening.from_json(pipe.recv_bytes())
        _decode(pipe, channels, recv_handle(pipe), limits, listening)


def _decode(
    pipe: Connection, channels: Sequence[int], descriptor: int, limits: DecodeLimits, listening: Listening
) -> None:
    report = DecodeReport()
    try:
        with os.fdopen(descriptor, "rb") as file:
            _write(decode(file, limits, report, listening), channels)
    except AudioError as error:
        pipe.send_bytes(ERROR + error.json)
    else:
        pipe.send_bytes(REPORT + json.dumps(asdict(report)).encode())


def _write(blocks: Iterable[Block], channels: Sequence[int]) -> None:
    """Each row of a block to its file. A channel that comes later begins with silence, one that ends earlier is padded:
    holes in such files are zeros."""
    written = rows = 0
    with ExitStack() as stack:
        files = [stack.enter_context(open(channel, "wb", closefd=False)) for channel in channels]
        for block in blocks:
            for file, row in zip(files, block, strict=False):
                file.seek(written)
                file.write(row.data)
            written += block[0].nbytes
            rows = max(rows, len(block))
        for file in files[:rows]:
            file.truncate(written)


def _main() -> None:
    pipe = Connection(0)
    with suppress(ConnectionError):  # the server is gone
        pipe.send_bytes(READY if confine() else UNFILTERED)
        serve(pipe, [int(channel) for channel in sys.argv[1:]])


if __name__ == "__main__":
    _main()
