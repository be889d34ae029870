"""``python -m tests.server.audio_in.lying_child``: a decoder that a file has taken over.

The file is JSON: how many samples are ``written`` and how many ``reported``, whatever the limits are; before that, a
``signal`` that the process sends to itself, ``spin`` for ever, ``scribble`` into the file, or ``say`` something else.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import BinaryIO

import numpy as np

from server.audio_in import child
from server.audio_in.decode import Block, FileDecoder
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport


class LyingDecoder(FileDecoder):
    """Says all but the truth."""

    def __init__(self, file: BinaryIO, limits: DecodeLimits, report: DecodeReport, listening: Listening) -> None:
        super().__init__(file, limits, report, listening)
        self._file, self._told = file, report

    def blocks(self) -> Generator[Block, None, None]:
        """As the file says."""
        self._file.seek(0)
        orders = json.load(self._file)
        if number := orders.get("signal"):
            os.kill(os.getpid(), number)
        while orders.get("spin"):
            pass
        if orders.get("scribble"):
            with suppress(OSError):
                os.pwrite(self._file.fileno(), b"scribble", 0)
        if say := orders.get("say"):
            Connection(0, readable=False).send_bytes(say.encode())
        self._told.samples = orders["reported"]
        self._told.rows = orders.get("rows", 1)
        yield (np.zeros(orders["written"], np.float32),)


if __name__ == "__main__":
    child.FileDecoder = LyingDecoder  # type: ignore[attr-defined]
    pipe = Connection(0)
    pipe.send_bytes(child.READY)
    child.serve(pipe, [int(channel) for channel in sys.argv[1:]])
