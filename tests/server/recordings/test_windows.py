"""Recordings that are longer than a window: heard in several, told as one."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import pytest

from model.seam.audio import Samples
from server.audio_in.decode_pool import DecodePool
from server.recordings.recordings import Recordings
from server.recordings.transcription import Transcription
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Wishes
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.segments import Segment, Transcript
from tests.server.recordings.conftest import open_room
from tests.support.listening_runner import Said
from tests.support.recorded_talk import RecordedTalkRunner, recorded

NAMES = [
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
]
TALK = [Said(place % 3, f"{name} and {name} are here.") for place, name in enumerate(NAMES)]
"""32 seconds: turns of 1.7, pauses of 0.3."""
WHOLE = " ".join(said.text for said in TALK)
WISHES = Wishes("talk")


def loud(samples: Samples) -> bool:
    """A square wave is nobody's voice."""
    return bool(np.any(np.abs(samples) > 0.005))


def windowing(seconds: float, continuity: SpeakerContinuity = SpeakerContinuity.INTRODUCED) -> Windowing:
    return Windowing(seconds, continuity, loud)


@pytest.fixture(scope="module")
async def room(decoders: DecodePool) -> AsyncIterator[Recordings]:
    async with talking(decoders) as opened:
        yield opened


@asynccontextmanager
async def talking(decoders: DecodePool) -> AsyncIterator[Recordings]:
    async with open_room(decoders, partial(RecordedTalkRunner, talks={"talk": TALK})) as opened:
        yield opened


async def heard(
    room: Recordings,
    wishes: Wishes = WISHES,
    *,
    channels: int = 1,
    begun: tuple[Segment, ...] = (),
    talk: list[Said] = TALK,
) -> tuple[list[TranscriptEvent], Transcription, Transcript]:
    with room.admit() as ticket:
        content = io.BytesIO(recorded(talk, channels=channels))
        async with room.transcription(content, wishes, ticket=ticket, request_id="test", begun=begun) as transcription:
            events = [event async for event in transcription.events()]
    assert transcription.transcript is not None
    return events, transcription, transcription.transcript


def facts(segment: Segment) -> tuple[object, ...]:
    return segment.index, segment.channel, segment.speaker, round(segment.start, 1), segment.text


def assert_events_are_the_transcript(events: list[TranscriptEvent], transcript: Transcript) -> None:
    assert "".join(event.text for event in events if isinstance(event, SpeechDelta)) == transcript.text
    assert tuple(event.segment for event in events if isinstance(event, SegmentClosed)) == transcript.segments


async def test_windows_say_what_one_pass_says(decoders: DecodePool) -> None:
    async with talking(decoders) as room:
        _, _, whole = await heard(room)
        assert whole.text == WHOLE
        for mode in SpeakerContinuity:
            for seconds in (16.0, 21.0) if mode is SpeakerContinuity.INTRODUCED else (24.0,):
                room.hear_in(windowing(seconds, mode))  # type: ignore[attr-defined]
                events, transcription, transcript = await heard(room)
                assert_events_are_the_transcript(events, transcript)
                assert transcript.text == WHOLE, (mode, seconds)
                assert [facts(s) for s in transcript.segments] == [facts(s) for s in whole.segments], (mode, seconds)
                assert transcript.complete
                assert "windows" in transcript.notes[0]
