"""How far a transcription is, between what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from server.recordings.transcription import Transcription
from server.transcript.events import SegmentClosed, TranscriptEvent

_LOOK = 1.0
"""Seconds after which is looked how far it is where nothing is told: windows side by side are told when linked."""


async def with_progress(
    transcription: Transcription, *, look: float = _LOOK
) -> AsyncGenerator[TranscriptEvent | float, None]:
    """Its events, and between them the seconds of the recording that are heard.

    These come first, behind each segment, and every ``look`` seconds in which nothing is told, if they have grown.
    Raises what the events do.
    """
    told = transcription.heard_until
    yield told
    events: asyncio.Queue[tuple[TranscriptEvent, float]] = asyncio.Queue(1)
    reading = asyncio.create_task(_read(transcription, events), name="transcription-events")
    try:
        while True:
            coming = asyncio.create_task(events.get())
            try:
                while not coming.done():
                    await asyncio.wait([coming, reading], timeout=look, return_when=asyncio.FIRST_COMPLETED)
                    if not coming.done() and reading.done() and events.empty():
                        reading.result()
                        return
                    if not coming.done() and transcription.heard_until > told:
                        yield (told := transcription.heard_until)
                event, heard = coming.result()
            finally:
                coming.cancel()
            yield event
            if isinstance(event, SegmentClosed):
                yield (told := heard)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(transcription: Transcription, events: asyncio.Queue[tuple[TranscriptEvent, float]]) -> None:
    """Puts each event there with what was heard at it: by the time it is told, more may have been read."""
    async with aclosing(transcription.events()) as told:
        async for event in told:
            await events.put((event, transcription.heard_until))
