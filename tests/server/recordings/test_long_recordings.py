"""Long recordings: answers that reach their limit, samples on the disk, workers that die, callers who leave."""

from __future__ import annotations

import errno
import gc
import io
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE
from server.audio_in.decode_pool import DecodePool
from server.engine.budget import answer_budget, pass_positions
from server.engine.messages import EndReason
from server.recordings.errors import BudgetSpent
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Wishes
from server.resources import Resource
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import Room, open_room
from tests.server.recordings.test_recordings import assert_all_given_back
from tests.server.recordings.test_windows import HUNDREDTH, NAMES, TALK, WHOLE, WISHES, Ear, facts, heard, loud
from tests.support.listening_runner import PAUSE, TURN, Said
from tests.support.recorded_talk import RecordedTalkRunner, recorded

BOTH = pytest.mark.parametrize("continuity", list(SpeakerContinuity))
ORDER = NAMES.split()
DENSE = [Said(place % 3, " ".join([*ORDER[place:], *ORDER[:place]][:14]) + ".") for place in range(16)]
"""As long as TALK, and with more words than an answer to all of it has room for where there are few pages."""
SECONDS = 32.0
PASS = 36.0
"""Seconds that the pages of a small server hold in one pass."""
IN_MEMORY = 10.0
"""Seconds: longer recordings lie on the disk here."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room() -> AsyncIterator[Room]:
    """Keeps long recordings on the disk."""
    with DecodePool(1, IN_MEMORY) as decoders:
        async with open_room(decoders, partial(RecordedTalkRunner, talks={"talk": TALK})) as opened:
            yield opened


def turns_of(talk: Sequence[Said]) -> list[tuple[object, ...]]:
    """As `facts` has the segments of a talk that was told rightly."""
    times = [place * (TURN + PAUSE) for place in range(len(talk))]
    return [
        (
            place,
            None,
            said.speaker,
            pytest.approx(start, abs=HUNDREDTH),
            pytest.approx(start + TURN, abs=0.02),
            said.text,
        )
        for place, (said, start) in enumerate(zip(talk, times, strict=True))
    ]


def files_of_samples() -> int:
    """Files without a name on the disk that this process has open, with most samples of the talk, not 16 bits each."""
    found = set()  # views have descriptors of their own
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it was that of the folder
            target = str(descriptor.readlink())
            status = descriptor.stat()
            large = status.st_size >= SECONDS * SAMPLE_RATE * 3
            if large and target.endswith("(deleted)") and "memfd" not in target:
                found.add((status.st_dev, status.st_ino))
    return len(found)


async def assert_nothing_is_kept(room: Room) -> None:
    """A thread that looks for voices in the samples of somebody who has left comes to its end first."""
    assert (room.disk.used, room.memory.used) == (0, 0)

    def no_file_is_left() -> bool:
        gc.collect()  # who was interrupted leaves tracebacks
        return files_of_samples() == 0

    await eventually(no_file_is_left)


async def test_what_an_answer_does_not_come_to_is_heard_behind_it(decoders: DecodePool) -> None:
    factory = partial(RecordedTalkRunner, talks={"talk": DENSE}, pages=round(pass_positions(VIBEVOICE_ASR, PASS) / 8))
    async with open_room(decoders, factory) as room:
        assert room.engine.info is not None
        limit = answer_budget(room.engine.info, SECONDS)
        room.hear_in(Windowing(has_voice=loud))
        told = await heard(room, recorded(DENSE))
        await assert_all_given_back(room)
    assert told.transcript.usage is not None
    assert told.text == told.transcript.text == " ".join(said.text for said in DENSE)
    assert told.transcript.usage.answer_tokens > limit, "it fitted"
    assert facts(told.closed) == turns_of(DENSE)
    assert told.transcript.segments == told.closed
    assert told.transcript.complete
    assert told.transcription.costs is not None
    assert (told.transcription.costs.reason, told.transcription.heard_until) == (EndReason.STOP, SECONDS)
    await assert_nothing_is_kept(room)


@BOTH
@pytest.mark.parametrize("deaths", [(), (2,), (20,)], ids=["undisturbed", "early", "in the middle"])
async def test_samples_on_the_disk(room: Room, continuity: SpeakerContinuity, deaths: tuple[int, ...]) -> None:
    """Also where the worker dies, and the next one needs them again."""
    room.hear_in(Windowing(16.0, continuity, loud), Ear())
    restarts = room.engine.restarts
    told = await heard(room, recorded(TALK), deaths=frozenset(deaths))
    assert room.engine.restarts == restarts + len(deaths)
    assert facts(told.closed) == turns_of(TALK)
    assert told.text == told.transcript.text == WHOLE
    assert told.transcript.complete
    await assert_all_given_back(room)
    del told
    await assert_nothing_is_kept(room)


@BOTH
@pytest.mark.parametrize("read", [0, 1, 12])
async def test_who_leaves_gives_everything_back(room: Room, continuity: SpeakerContinuity, read: int) -> None:
    room.hear_in(Windowing(16.0, continuity, loud), Ear())
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(recorded(TALK)), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            for _ in range(read):
                await anext(events)
            assert room.disk.used == SECONDS * SAMPLE_RATE * 4
            assert (room.memory.used, files_of_samples()) == (0, 1)
    await assert_all_given_back(room)
    del opening, transcription, events
    await assert_nothing_is_kept(room)


async def test_one_pass_leaves_the_disk_when_the_engine_has_its_samples(room: Room) -> None:
    room.hear_in(Windowing())
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(recorded(TALK)), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription:
            assert room.disk.used == SECONDS * SAMPLE_RATE * 4
            async for _ in transcription.events():
                assert (room.disk.used, files_of_samples()) == (0, 0)


async def short_of(room: Room) -> Resource:
    """What the talk finds no room for."""
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(recorded(TALK)), WISHES, ticket=ticket, request_id="test")
        with pytest.raises(BudgetSpent) as caught:
            await opening.__aenter__()
    return caught.value.resource


async def test_more_than_may_lie_on_the_disk_is_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.disk, "limit", round(SECONDS * SAMPLE_RATE * 4) - 1)
    assert await short_of(room) is Resource.DISK
    await assert_all_given_back(room)
    await assert_nothing_is_kept(room)


@pytest.mark.parametrize(
    ("code", "resource"), [(errno.ENOSPC, Resource.DISK), (errno.ENFILE, Resource.DESCRIPTORS)], ids=["disk", "files"]
)
async def test_a_full_disk_is_nobodys_fault(
    room: Room, monkeypatch: pytest.MonkeyPatch, code: int, resource: Resource
) -> None:
    """No decoder has died, and who comes later is heard."""

    written = os.pwrite

    def write(descriptor: int, content: bytes, at: int) -> int:
        if "memfd" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            return written(descriptor, content, at)
        raise OSError(code, os.strerror(code))

    room.hear_in(Windowing(16.0, has_voice=loud))
    deaths = dict(room._decoders.deaths)
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", write)
        assert await short_of(room) is resource
        short = await heard(room, recorded(TALK[:4]), Wishes("talk"))
    assert short.text == " ".join(said.text for said in TALK[:4])
    assert dict(room._decoders.deaths) == deaths
    assert (await heard(room, recorded(TALK))).text == WHOLE
    await assert_nothing_is_kept(room)
