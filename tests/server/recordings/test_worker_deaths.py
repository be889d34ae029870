"""A recording whose worker dies, at whatever moment: its events are those of one that was not disturbed."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.messages import FailureCode
from server.recordings.errors import EngineError
from server.recordings.transcription import Transcription
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.events import TranscriptEvent
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import Room, file_of, noise, open_room
from tests.server.recordings.test_recording_file import CountingPool
from tests.support.speaking_runner import SpeakingRunner

SOUND = noise(3.0)
KNOWN = (KnownSpeaker("Ada", file_of(noise(2.5))),)
ANSWER = (
    '[{"Start":0,"End":2.4,"Speaker":0,"Content":"the reference"},{"Start":3.1,"End":4,"Speaker":1,"Content":"hi"},'
    '{"Start":4.1,"End":5,"Speaker":0,"Content":"and well, how are you?"}]'
)
WISHES = {
    "alone": Wishes(logprobs=True),
    "drawn": Wishes(temperature=0.5),
    "behind a known speaker": Wishes(ANSWER, speakers=KNOWN),
    "channel by channel": Wishes(listening=Listening(split=True)),
}
LET_IN, OPENED = -2, -1
"""Moments; others are numbers of events that were read."""


def stereo() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.stack([SOUND, noise(3.1)[: SOUND.size]], 1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


async def kill(room: Room) -> None:
    await room.engine.wait_ready()
    assert room.engine.worker_pid is not None
    deaths = room.engine.restarts
    os.kill(room.engine.worker_pid, signal.SIGKILL)
    await eventually(lambda: room.engine.restarts > deaths)


SLOW = partial(SpeakingRunner, step_seconds=0.01)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(decoders, SLOW) as opened:
        yield opened


async def events_of(room: Room, path: Path, wishes: Wishes, deaths: set[int]) -> tuple[list[TranscriptEvent], object]:
    """What is told, and the transcript, where the worker dies at these moments."""
    told: list[TranscriptEvent] = []
    with path.open("rb") as file, room.admit() as ticket:
        if LET_IN in deaths:
            await kill(room)
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            if OPENED in deaths:
                await kill(room)
            async with aclosing(transcription.events()) as events:
                async for event in events:
                    told.append(event)
                    if len(told) in deaths:
                        await kill(room)
            assert_costs(transcription)
    return told, transcription.transcript


def assert_costs(transcription: Transcription) -> None:
    assert transcription.costs is not None
    assert transcription.transcript is not None
    assert transcription.costs.usage == transcription.transcript.usage
    assert min(transcription.costs.queue_seconds, transcription.costs.inference_seconds) >= 0


@pytest.mark.parametrize(
    ("name", "rounds"),
    [
        ("alone", [{LET_IN}, {OPENED}, {1}, {3}]),
        ("drawn", [{2, 3}]),
        ("behind a known speaker", [{LET_IN, 1}]),
        ("channel by channel", [{OPENED, 2}]),
    ],
)
async def test_nothing_is_missing_and_nothing_comes_twice(
    room: Room, tmp_path: Path, name: str, rounds: list[set[int]]
) -> None:
    path, wishes = tmp_path / "a.wav", WISHES[name]
    path.write_bytes(stereo())
    before = room.engine.restarts
    undisturbed = await events_of(room, path, wishes, set())
    assert len(undisturbed[0]) > 3
    for deaths in rounds:
        assert await events_of(room, path, wishes, deaths) == undisturbed
    assert room.engine.restarts == before + sum(map(len, rounds))


async def test_who_kills_workers_is_refused_when_it_is_sent_again(room: Room, tmp_path: Path) -> None:
    """By what the file has, under whatever name it comes; the same recording with another wish is another request."""
    path = tmp_path / "a.wav"
    path.write_bytes(stereo())
    before, killer = room.engine.restarts, Wishes("crashed")
    for _ in range(2):
        with pytest.raises(EngineError) as caught:
            await events_of(room, path, killer, set())
        assert caught.value.code is FailureCode.POISON
    assert room.engine.restarts == before + 3, "the second time it was not tried"
    assert await events_of(room, path, Wishes(), set())
    assert room.engine.admission.requests == 0


async def test_a_file_that_changes_under_its_transcription_is_told(room: Room, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(stereo())
    with path.open("rb") as file, room.admit() as ticket:
        opening = room.transcription(file, Wishes(), ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            await anext(events)
            path.write_bytes(stereo()[:200_000])
            await kill(room)
            with pytest.raises(EngineError, match="again") as caught:
                async for _ in events:
                    pass
    assert caught.value.code is FailureCode.INTERNAL


async def test_who_leaves_while_it_is_read_again_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(stereo())
    with CountingPool() as pool:
        async with open_room(pool, SLOW) as room:
            with path.open("rb") as file, room.admit() as ticket:
                opening = room.transcription(file, Wishes(), ticket=ticket, request_id="test")
                async with opening as transcription, aclosing(transcription.events()) as events:
                    await anext(events)
                    pool.open.clear()
                    await kill(room)
                    await eventually(lambda: pool.at_work == 1)
                assert pool.at_work == 0
