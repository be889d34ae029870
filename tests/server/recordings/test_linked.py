"""Windows side by side: whose turn it is."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from server.audio_in.decode_pool import DecodePool
from server.engine.client.stream import EngineStream
from server.recordings.windowed.passage import SILENCE
from server.recordings.wishes import Wishes
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment
from tests.server.recordings.conftest import Room, file_of, open_room
from tests.server.recordings.test_arriving import LONG
from tests.server.recordings.test_windows import TALK, linked
from tests.support.listening_runner import Said
from tests.support.recorded_talk import RecordedTalkRunner, recording_of

LATE = [Said(0, SILENCE), Said(0, SILENCE), *TALK[2:]]
QUIET = np.zeros(20 * 24_000, np.float32)
WINDOWS = 3
"""Of the talk, where each is of 16 s."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(
        decoders, partial(RecordedTalkRunner, talks={"talk": TALK, "late": LATE, "long": LONG})
    ) as opened:
        yield opened


Happened = list[Segment | None]
"""What was told, and None wherever the engine was given a window."""


@pytest.fixture
def happened(opened_room: Room, monkeypatch: pytest.MonkeyPatch) -> Happened:
    happened: Happened = []
    open_stream = opened_room.engine.open

    def noted(*args: Any, **named: Any) -> EngineStream:
        happened.append(None)
        return open_stream(*args, **named)

    monkeypatch.setattr(opened_room.engine, "open", noted)
    opened_room.hear_in(linked(16.0))
    return happened


async def told(room: Room, content: bytes, talk: str, happened: Happened) -> Sequence[Segment]:
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(content), Wishes(talk), ticket=ticket, request_id="test")
        async with opening as transcription:
            async for event in transcription.events():
                if isinstance(event, SegmentClosed):
                    happened.append(event.segment)
    return [segment for segment in happened if segment is not None]


@pytest.mark.parametrize(("talk", "silences"), [("talk", 0), ("late", 2)])
async def test_the_first_words_wait_for_no_other_window(
    opened_room: Room, happened: Happened, talk: str, silences: int
) -> None:
    segments = await told(opened_room, file_of(recording_of(TALK)), talk, happened)
    assert [segment.text for segment in segments[:silences]] == [SILENCE] * silences
    assert [segment.text for segment in segments[silences:]] == [said.text for said in TALK[silences:]]
    assert happened[: silences + 2] == [None, *segments[: silences + 1]]
    assert happened.count(None) == WINDOWS


async def test_a_window_in_which_nobody_speaks_keeps_no_other_one_waiting(
    opened_room: Room, happened: Happened
) -> None:
    content = file_of(np.concatenate([QUIET, QUIET, recording_of(TALK)]))
    silence, *segments = await told(opened_room, content, "talk", happened)
    assert silence.text == SILENCE
    assert [segment.text for segment in segments if segment.is_speech] == [said.text for said in TALK]


async def test_of_windows_that_are_told_no_audio_is_held(opened_room: Room) -> None:
    """Nobody is introduced behind them."""
    samples = recording_of(LONG)
    opened_room.hear_in(linked(16.0))
    tracemalloc.start()
    try:
        with opened_room.admit() as ticket:
            content = io.BytesIO(file_of(samples))
            opening = opened_room.transcription(content, Wishes("long"), ticket=ticket, request_id="test")
            async with opening as transcription:
                before, _ = tracemalloc.get_traced_memory()
                assert [event async for event in transcription.events()]
                held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held < samples.nbytes / 8


async def test_what_is_heard_of_all_windows_counts_before_it_is_told(opened_room: Room) -> None:
    """Whoever waits for windows to be linked sees that they are heard."""
    opened_room.hear_in(linked(16.0))
    heard, told = [0.0], [0.0]
    with opened_room.admit() as ticket:
        content = io.BytesIO(file_of(recording_of(TALK)))
        opening = opened_room.transcription(content, Wishes("talk"), ticket=ticket, request_id="test")
        async with opening as transcription:
            async for event in transcription.events():
                if isinstance(event, SegmentClosed):
                    heard.append(transcription.heard_until)
                    told.append(event.segment.end)
            assert heard == sorted(heard)
            assert all(of_it >= said for of_it, said in zip(heard, told, strict=True))
            ahead = [of_it - said for of_it, said in zip(heard, told, strict=True) if said > 14.0]
            assert max(ahead) > 8, "of the second window all is heard when the first of it is told"
            assert transcription.heard_until == transcription.recording.seconds
