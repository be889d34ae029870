"""Where an answer is written: that of an hour takes a few tenths of a second, and nobody else shall wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from server.transcript.segments import Transcript

_SHORT = 8_000
"""Characters that are written in some milliseconds: about nine minutes of talk. A thread would cost others more: each
time that one computes, the event loop waits for Python's lock."""

Answer = TypeVar("Answer")


async def written(transcript: Transcript, write: Callable[[], Answer]) -> Answer:
    """What ``write`` makes of the transcript: at once where that is short, otherwise in a thread."""
    if sum(len(segment.text) for segment in transcript.segments) <= _SHORT:
        return write()
    return await asyncio.to_thread(write)
