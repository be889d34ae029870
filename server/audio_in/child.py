"""The process that decodes what strangers sent: ``python -m server.audio_in.child``, started by `DecoderProcess`.

FFmpeg parses hostile bytes in C. A file that corrupts memory or asks for gigabytes (the index of a forged MP4 does)
must not take the server with it, so it can only end this process, which holds nothing but the file and the pipe.

On the pipe (standard input, both ways), for each file: in come the limits as JSON and the file's descriptor; out comes
one ``REPORT`` or ``ERROR`` with JSON. ``READY`` comes first of all. The samples are then in standard output, a file in
memory that the server empties before the next one: an hour of them would be thousands of turns on a pipe.
JSON, not pickle: whoever took over this process would own whoever unpickles its messages.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from server.audio_in.decode import DecodeReport, decode
from server.audio_in.errors import AudioError
from server.audio_in.limits import DecodeLimits

READY, REPORT, ERROR = b"+", b"r", b"e"

MAX_MEMORY = 1 << 30
"""Bytes of address space. The libraries reserve a quarter of it and use less."""

_STDOUT = 1


def serve(pipe: Connection) -> None:
    """Decode one file after the other until the other end of the pipe is closed."""
    pipe.send_bytes(READY)
    while True:
        try:
            limits = DecodeLimits(**json.loads(pipe.recv_bytes()))
        except EOFError:
            return
        _decode(pipe, recv_handle(pipe), limits)


def _decode(pipe: Connection, descriptor: int, limits: DecodeLimits) -> None:
    report = DecodeReport()
    try:
        os.lseek(_STDOUT, 0, os.SEEK_SET)
        with os.fdopen(descriptor, "rb") as file, open(_STDOUT, "wb", closefd=False) as samples:
            for block in decode(file, limits, report):
                samples.write(block.data)
    except AudioError as error:
        pipe.send_bytes(ERROR + error.json)
    else:
        pipe.send_bytes(REPORT + json.dumps(asdict(report)).encode())


def confine() -> None:
    """Limit what this process can do to the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold somebody's recording
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the terminal is the server's to handle


def _main() -> None:
    confine()
    with suppress(ConnectionError):  # the server is gone
        serve(Connection(0))


if __name__ == "__main__":
    _main()
