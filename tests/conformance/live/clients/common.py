"""What the client scripts share: their arguments, a recording that arrives at the speed of speech, their report.

A script is run as ``python -m tests.conformance.live.clients.NAME URL KEY RECORDING [MODE]`` and prints what its client
received, a JSON object a line. RECORDING is a mono 16-bit WAV at the rate that the client is meant to send.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

CHUNK = 0.05
"""Seconds of audio in what a client sends at once."""
PATIENCE = 90.0
"""Seconds after the recording's end in which everything must have come; then the script ends with what it has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``url``: of the server, without a path. ``mode``: what the script makes of it."""

    url: str
    key: str
    recording: Path
    mode: str | None

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)


def asked() -> Asked:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("recording", type=Path)
    parser.add_argument("mode", nargs="?")
    return Asked(**vars(parser.parse_args()))


def tell(kind: str, **values: object) -> None:
    """Report one thing that the client received."""
    json.dump({"kind": kind, **values}, sys.stdout, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Recording:
    """``pcm``: mono, 16 bit, little endian."""

    pcm: bytes
    rate: int

    @property
    def chunk_bytes(self) -> int:
        return 2 * int(self.rate * CHUNK)

    async def spoken(self, silence: float = 0.0) -> AsyncIterator[bytes]:
        """The recording and then ``silence`` seconds of nothing, in chunks, each when a microphone would have it."""
        heard = self.pcm + bytes(2 * int(self.rate * silence))
        async for number in _ticks():
            start = number * self.chunk_bytes
            if start >= len(heard):
                return
            yield heard[start : start + self.chunk_bytes]

    async def silence(self) -> AsyncIterator[bytes]:
        """Nothing, at the speed of speech, for at most ``PATIENCE``: a microphone that stays open."""
        async for number in _ticks():
            if number * CHUNK > PATIENCE:
                return
            yield bytes(self.chunk_bytes)


async def _ticks() -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number in count():
        await asyncio.sleep(start + number * CHUNK - loop.time())
        yield number


def read(path: Path) -> Recording:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return Recording(file.readframes(file.getnframes()), file.getframerate())
