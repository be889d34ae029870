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


class Talking(Linked):
    """A transcription whose segments all are there at once."""

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        for number in range(4):
            self.heard_until = number + 1.0
            yield SegmentClosed(Segment(number, number, number + 1.0, 0, "One after the other."))


async def test_behind_a_segment_is_told_what_was_heard_at_it_however_much_more_was_read_since() -> None:
    async with aclosing(with_progress(Talking().as_transcription)) as told:
        assert await anext(told) == 0.0
        for number in range(4):
            assert isinstance(await anext(told), SegmentClosed)
            for _ in range(10):
                await asyncio.sleep(0)  # the reader's turn
            assert await anext(told) == number + 1.0


async def test_whoever_leaves_ends_the_transcription() -> None:
    linked = Linked()
    told = with_progress(linked.as_transcription, look=0.001)
    await anext(told)
    linked.heard_until = 12.5
    await anext(told)
    await told.aclose()
    assert linked.ended
