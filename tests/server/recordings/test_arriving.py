"""Recordings that are longer than a window are decoded while they are heard."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial

import numpy as np
import pytest
import pytest_asyncio
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from server.audio_in.decode_pool import DecodePool
from server.audio_in.decoding import Decoding
from server.audio_in.errors import AudioErrorCode
from server.audio_in.limits import PART_SECONDS, DecodeLimits
from server.recordings.errors import AudioError
from server.recordings.recording_file import RecordingFile
from server.recordings.sound import ArrivingSound
from server.recordings.transcription import Transcription
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Wishes
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import Room, open_room
from tests.server.recordings.test_recordings import assert_all_given_back
from tests.server.recordings.test_windows import NAMES, Ear, facts, heard, loud
from tests.support.listening_runner import PAUSE, TURN, Said
from tests.support.recorded_talk import RecordedTalkRunner, recording_of

WORDS = NAMES.split()
LONG = [Said(place % 3, f"{WORDS[place // 16]} and {WORDS[place % 16]} are here.") for place in range(90)]
SECONDS = len(LONG) * (TURN + PAUSE)
WISHES = Wishes("long")
WINDOW = 16.0
BOTH = pytest.mark.parametrize("continuity", list(SpeakerContinuity))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_room() -> AsyncIterator[Room]:
    with DecodePool(1) as decoders:
        async with open_room(decoders, partial(RecordedTalkRunner, talks={"long": LONG})) as opened:
            yield opened


@pytest.fixture
def room(opened_room: Room) -> Room:
    opened_room.hear_in(Windowing(WINDOW, has_voice=loud))
    return opened_room


def file_of(talk: Sequence[Said]) -> bytes:
    """FLAC, of which the levels of the turns stay what they are."""
    file = io.BytesIO()
    soundfile.write(file, recording_of(talk), SAMPLE_RATE, format="FLAC", subtype="PCM_24")
    return file.getvalue()


def saying(content: bytes, seconds: float) -> bytes:
    """``content``, a FLAC file, which now says that it lasts so long (0: it does not know); RFC 9639, 8.2."""
    count = round(seconds * SAMPLE_RATE)
    return content[:21] + bytes([content[21] & 0xF0 | count >> 32]) + (count & 0xFFFFFFFF).to_bytes(4) + content[26:]


class Watched:
    """What was told, and how the decoder stood each time."""

    def __init__(self) -> None:
        self.closed: list[Segment] = []
        self.decoded: list[float] = []
        self.held: list[int] = []
        self.blocks: list[int] = []


async def watched(room: Room, content: bytes) -> Watched:
    found = Watched()
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(content), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            decoding = decoding_of(room)
            async for event in events:
                (tape,) = decoding.tapes
                found.held.append(tape.size - tape.start)
                found.blocks.append(512 * os.fstat(tape._file.fileno()).st_blocks)
                if isinstance(event, SegmentClosed):
                    found.closed.append(event.segment)
                    found.decoded.append(decoding.size / SAMPLE_RATE)
    return found


def decoding_of(room: Room) -> Decoding:
    (decoding,) = room._decoders._decodings
    return decoding


def words(segments: Sequence[Segment]) -> list[str]:
    return [segment.text for segment in segments]


@BOTH
async def test_the_first_segments_leave_before_the_file_is_decoded_and_little_of_it_is_held(
    room: Room, continuity: SpeakerContinuity
) -> None:
    windowing = Windowing(WINDOW, continuity, loud, side_by_side=2)
    room.hear_in(windowing, Ear(LONG))
    peaks = []
    for talk in (LONG[:50], LONG):
        told = await watched(room, file_of(talk))
        assert words(told.closed) == words_of(talk)
        assert told.decoded[0] <= windowing.held + PART_SECONDS
        assert told.decoded[-1] == pytest.approx(len(talk) * (TURN + PAUSE))
        peaks.append(max(told.held))
        assert max(told.blocks) <= 4 * max(told.held) + (1 << 20), "what was forgotten takes room"
    assert max(peaks) / SAMPLE_RATE <= windowing.held < SECONDS / 2
    await assert_all_given_back(room)
    assert (room.memory.used, room.disk.used) == (0, 0)


def words_of(talk: Sequence[Said]) -> list[str]:
    return [said.text for said in talk]


@BOTH
async def test_it_is_the_same_transcript_where_all_is_decoded_first(
    room: Room, continuity: SpeakerContinuity, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.hear_in(Windowing(WINDOW, continuity, loud), Ear(LONG))
    content = file_of(LONG[:40])
    arriving = await heard(room, content, WISHES)
    read = RecordingFile.read
    monkeypatch.setattr(RecordingFile, "read", lambda file, _: read(file))
    whole = await heard(room, content, WISHES)
    assert facts(arriving.closed) == facts(whole.closed)
    assert arriving.transcript.notes == whole.transcript.notes
    assert arriving.transcript.duration == whole.transcript.duration == 80.0


async def test_less_memory_is_claimed_than_all_of_it_takes(room: Room) -> None:
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(file_of(LONG)), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription:
            assert transcription.recording.seconds == SECONDS, "its header says so"
            assert room.engine.admission.audio_seconds == pytest.approx(SECONDS, abs=1)
            assert room.memory.used <= (2.25 * WINDOW + PART_SECONDS) * SAMPLE_RATE * 4
    assert room.memory.used == 0


async def test_who_leaves_stops_the_decoder(room: Room) -> None:
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(file_of(LONG)), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            await anext(events)
            pid = decoding_of(room).pid
            assert pid is not None
            await eventually(lambda: room._decoders.running == 0)  # it waits, and nobody else for it
            assert (await heard(room, file_of(LONG[:4]), WISHES)).text == " ".join(words_of(LONG[:4]))
    assert not room._decoders._decodings
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await assert_all_given_back(room)


@pytest.mark.parametrize("deaths", [1, 3], ids=["once", "now and then"])
async def test_a_decoder_that_dies_in_the_middle_is_replaced(room: Room, deaths: int) -> None:
    before, killed = room._decoders.deaths["killed"], 0
    told: list[Segment] = []
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(file_of(LONG[:60])), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            async for event in events:
                if isinstance(event, SegmentClosed):
                    told.append(event.segment)
                    pid = decoding_of(room).pid
                    if len(told) in range(1, 20 * deaths, 20) and pid is not None:
                        os.kill(pid, signal.SIGKILL)
                        killed += 1
    assert words(told) == words_of(LONG[:60])
    assert killed == room._decoders.deaths["killed"] - before > 0


async def refusal(room: Room, content: bytes) -> tuple[AudioError, list[str]]:
    """How it ends, and what was told before; where that is anything, it is counted as one that cannot be read."""
    told: list[str] = []
    found: list[Transcription] = []

    async def hear() -> None:
        with room.admit() as ticket:
            opening = room.transcription(io.BytesIO(content), WISHES, ticket=ticket, request_id="test")
            async with opening as transcription, aclosing(transcription.events()) as events:
                found.append(transcription)
                async for event in events:
                    if isinstance(event, SegmentClosed):
                        told.append(event.segment.text)  # noqa: PERF401 - before it ends with an error

    with pytest.raises(AudioError) as caught:
        await hear()
    assert [each.unreadable for each in found] == [caught.value.code] * bool(told)
    await assert_all_given_back(room)
    return caught.value, told


@pytest.mark.parametrize("says", [SECONDS, 0.0], ids=["told", "counted"])
async def test_what_is_too_long_is_refused_before_any_work(
    room: Room, monkeypatch: pytest.MonkeyPatch, says: float
) -> None:
    monkeypatch.setattr(room, "_limits", DecodeLimits(SECONDS - 30, 60.0))
    error, told = await refusal(room, saying(file_of(LONG), says))
    assert (error.code, told) == (AudioErrorCode.AUDIO_TOO_LONG, [])


async def test_a_header_that_lies_is_found_out_and_nothing_is_cut_without_a_word(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_limits", DecodeLimits(SECONDS - 30, 60.0))
    error, told = await refusal(room, saying(file_of(LONG), 60.0))
    assert error.code is AudioErrorCode.AUDIO_TOO_LONG
    assert told
    assert told == words_of(LONG)[: len(told)]


async def test_what_is_there_of_a_file_that_was_cut_is_heard_with_a_note(room: Room) -> None:
    content = file_of(LONG)
    told = await heard(room, content[: len(content) // 2], WISHES)
    assert any("The file ends early" in note for note in told.transcript.notes)
    assert 60 < told.transcript.duration < 120
    assert told.transcription.recording.seconds == told.transcript.duration == told.transcription.heard_until
    assert told.transcription.heard_seconds == pytest.approx(told.transcript.duration)
    whole = words_of(LONG)
    assert len(told.closed) > 20
    assert words(told.closed)[:-1] == whole[: len(told.closed) - 1]


async def test_a_job_goes_on_behind_what_was_told_without_holding_what_lies_before(room: Room) -> None:
    content = file_of(LONG)
    whole = await heard(room, content, WISHES)
    told = await heard(room, content, WISHES, begun=whole.closed[:70])
    assert facts(told.closed) == facts(whole.closed[70:])


async def test_a_soft_passage_behind_loud_ones_stays_soft() -> None:
    """And a recording that is soft from the beginning is brought up."""
    file = io.BytesIO()
    loudness = np.repeat(np.array([0.1, 0.001, 0.1], np.float32), 30 * SAMPLE_RATE)
    samples = np.random.default_rng(0).standard_normal(loudness.size).astype(np.float32) * loudness
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    with DecodePool(1) as decoders:
        async with decoders.begin(file, DecodeLimits(600, 60)) as decoding:
            sound = ArrivingSound(decoding, 90.0)
            await sound.reach(90 * SAMPLE_RATE)
            levels = [await asyncio.to_thread(sound.level, second * SAMPLE_RATE) for second in (30, 60, 90)]
    assert levels[0].gain == pytest.approx(10 ** (-25 / 20) / 0.1, rel=0.01)
    assert levels[1].gain == pytest.approx(levels[0].gain * 2**0.5, rel=0.01)
    assert levels[2].gain == pytest.approx(levels[0].gain * 1.5**0.5, rel=0.01)


async def test_the_level_is_the_same_whatever_was_forgotten_before() -> None:
    """Also of the second in the middle of which nothing before is wanted any more."""
    file = io.BytesIO(file_of(LONG[:10]))
    levels = []
    with DecodePool(1) as decoders:
        for forgotten in (0.0, 10.7):
            async with decoders.begin(file, DecodeLimits(600, 60)) as decoding:
                sound = ArrivingSound(decoding, 20.0)
                await sound.reach(20 * SAMPLE_RATE)
                sound.forget(round(forgotten * SAMPLE_RATE))
                levels.append([sound.level(second * SAMPLE_RATE) for second in (11, 15)])
            file.seek(0)
    assert levels[0] == levels[1]
