"""How far a transcription is, told between its events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest

from server.http.progress import with_progress
from server.recordings.transcription import Transcription
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Segment

SAID = SegmentClosed(Segment(0, 0.0, 30.0, 0, "All of it at once."))


class Linked:
    """A transcription that hears on and tells nothing before it is let go."""

    def __init__(self) -> None:
        self.heard_until = 0.0
        self.go_on = asyncio.Event()
        self.ended = False

    @property
    def as_transcription(self) -> Transcription:
        return cast(Transcription, self)

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        try:
            await self.go_on.wait()
            self.heard_until = 30.0
            yield SAID
            raise OSError("broken")
        finally:
            self.ended = True


async def test_what_is_heard_is_told_before_anything_is_said_of_it() -> None:
    linked = Linked()
    async with aclosing(with_progress(linked.as_transcription, look=0.001)) as told:
        assert await anext(told) == 0.0
        linked.heard_until = 12.5
        assert await anext(told) == 12.5
        linked.go_on.set()
        assert await anext(told) == SAID
        assert await anext(told) == 30.0
        with pytest.raises(OSError, match="broken"):
            await anext(told)


async def test_whoever_leaves_ends_the_transcription() -> None:
    linked = Linked()
    told = with_progress(linked.as_transcription, look=0.001)
    await anext(told)
    linked.heard_until = 12.5
    await anext(told)
    await told.aclose()
    assert linked.ended
