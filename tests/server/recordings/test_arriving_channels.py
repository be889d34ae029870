"""Recordings of which each channel is heard for itself, decoded while they are heard."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import StreamSpec
from server.audio_in.decode_pool import DecodePool
from server.audio_in.errors import AudioErrorCode
from server.audio_in.limits import PART_SECONDS, DecodeLimits
from server.audio_in.listening import Listening
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.recordings.arriving_channels import ArrivingChannel, ArrivingChannels, arriving_of
from server.recordings.errors import AudioError
from server.recordings.reading import begin_recording
from server.recordings.recording_file import RecordingFile
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment
from tests.server.audio_in.audio_media import LIMITS, Format, media, tones
from tests.server.recordings.conftest import Room, noise, open_room
from tests.server.recordings.conftest import file_of as wav_of
from tests.server.recordings.test_arriving import BOTH, LONG, WINDOW, decoding_of, saying
from tests.server.recordings.test_recordings import assert_all_given_back
from tests.server.recordings.test_windows import facts, heard, loud
from tests.support.listening_runner import PAUSE, TURN
from tests.support.recorded_talk import RecordedTalkRunner, recording_of
from tests.support.scripted_server import PATIENCE

TALK = LONG[:44]
LENGTH = TURN + PAUSE
SECONDS = len(TALK) * LENGTH
WISHES = Wishes("long", listening=Listening(split=True))
Says = Callable[[int], bool]
"""Whether a turn of the talk is said on a channel."""

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


def even(turn: int) -> bool:
    return turn % 2 == 0


def odd(turn: int) -> bool:
    return turn % 2 == 1


def never(_: int) -> bool:
    return False


def file_of(*channels: Says, seconds: float = SECONDS) -> bytes:
    """FLAC, of which the levels of the turns stay what they are."""
    talk = recording_of(LONG)[: round(seconds * SAMPLE_RATE)]
    turns = np.arange(talk.size) // round(LENGTH * SAMPLE_RATE)
    sides = [np.where(np.isin(turns, [turn for turn in range(len(LONG)) if says(turn)]), talk, 0) for says in channels]
    file = io.BytesIO()
    soundfile.write(file, np.stack(sides, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_24")
    return file.getvalue()


def said(told: Sequence[Segment]) -> list[tuple[int | None, str]]:
    return [(segment.channel, segment.text) for segment in told]


def turns_of(*channels: Says, turns: int = len(TALK)) -> list[tuple[int | None, str]]:
    """What is to be told, in order."""
    return [(channel, LONG[turn].text) for turn in range(turns) for channel, says in enumerate(channels) if says(turn)]


@BOTH
async def test_first_segments_leave_before_the_file_is_decoded_and_little_of_it_is_held(
    room: Room, continuity: SpeakerContinuity
) -> None:
    windowing = Windowing(WINDOW, continuity, loud, side_by_side=2)
    room.hear_in(windowing)
    told: list[Segment] = []
    decoded: list[float] = []
    held: list[int] = []
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(file_of(even, odd)), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            decoding = decoding_of(room)
            assert room.memory.used <= 2 * windowing.held * SAMPLE_RATE * 4
            async for event in events:
                held += [tape.size - tape.start for tape in decoding.tapes]
                if isinstance(event, SegmentClosed):
                    told.append(event.segment)
                    decoded.append(decoding.size / SAMPLE_RATE)
    assert said(told) == turns_of(even, odd)
    assert decoded[0] <= windowing.held + PART_SECONDS
    assert decoded[-1] == SECONDS
    assert max(held) / SAMPLE_RATE <= windowing.held + PART_SECONDS < SECONDS
    assert (room.memory.used, room.disk.used) == (0, 0)
    await assert_all_given_back(room)


@BOTH
async def test_it_is_the_same_transcript_where_all_is_decoded_first(
    room: Room, continuity: SpeakerContinuity, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.hear_in(Windowing(WINDOW, continuity, loud))
    content = file_of(even, odd, even, seconds=80)
    arriving = await heard(room, content, WISHES)
    read = RecordingFile.read
    monkeypatch.setattr(RecordingFile, "read", lambda file, _: read(file))
    whole = await heard(room, content, WISHES)
    assert facts(arriving.closed) == facts(whole.closed)
    assert said(arriving.closed) == turns_of(even, odd, turns=40)
    assert arriving.text == whole.text == arriving.transcript.text
    assert arriving.transcript.notes == whole.transcript.notes
    assert "Channels 0 and 2 are the same; they were heard once, as channel 0." in whole.transcript.notes
    assert (arriving.transcript.usage, arriving.transcript.duration) == (whole.transcript.usage, 80.0)
    assert arriving.transcription.heard_seconds == whole.transcription.heard_seconds == 160.0
    assert arriving.transcription.recording == whole.transcription.recording


async def test_a_channel_without_sound_says_and_costs_nothing(room: Room) -> None:
    mono = await heard(room, file_of(even), WISHES)
    told = await heard(room, file_of(even, never), WISHES)
    assert said(told.closed) == said(mono.closed) == turns_of(even)
    assert told.transcript.usage == mono.transcript.usage
    assert told.transcript.channels == 2
    assert told.transcription.heard_seconds == SECONDS
    assert not any("Channel 1" in note for note in told.transcript.notes)


@pytest.mark.parametrize("before", [even, never], ids=["a copy", "silent"])
async def test_a_channel_that_comes_up_is_heard_from_then_on(room: Room, before: Says) -> None:
    """Neither before nor less than all of it behind."""
    middle = 24  # turns: where a window begins, more or less

    def later(turn: int) -> bool:
        return odd(turn) if turn >= middle else before(turn)

    told = await heard(room, file_of(even, later), WISHES)
    found = said(told.closed)
    own = [entry for entry in found if entry[0] == 1 and entry[1] != "[Silence]"]
    expected = [(1, TALK[turn].text) for turn in range(middle, len(TALK)) if odd(turn)]
    assert own[-len(expected) :] == expected
    assert len(own) - len(expected) <= WINDOW / LENGTH / 2, "the window in which it comes up is heard as a whole"
    assert [entry for entry in found if entry[0] == 0] == turns_of(even)
    assert told.transcription.heard_seconds == 2 * SECONDS


async def test_a_channel_that_comes_up_is_counted_from_then_on(room: Room) -> None:
    """It is refused no more, but who comes next waits for it."""
    charged: list[tuple[float, bool]] = []
    counted: list[float] = []
    spoken: list[int | None] = []

    def charge(seconds: float, /, *, late: bool = False) -> None:
        charged.append((seconds, late))

    joined = file_of(even, seconds=40) + file_of(even, odd, seconds=40)
    with room.admit(charge=charge) as ticket:
        opening = room.transcription(io.BytesIO(joined), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            counted.append(room.engine.admission.audio_seconds)
            async for event in events:
                if isinstance(event, SegmentClosed):
                    spoken.append(event.segment.channel)
                    counted.append(room.engine.admission.audio_seconds)
    one, late = (seconds for seconds, _ in charged)
    assert [told for _, told in charged] == [False, True]
    assert one == late > 80.0
    assert counted[0] == one
    assert all(seconds == 2 * one for seconds in counted[spoken.index(1) + 1 :])
    assert room.engine.admission.audio_seconds == 0.0


async def test_known_speakers_are_asked_about_on_channels_with_a_voice_alone(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[StreamSpec] = []
    opens = Engine.open

    def opening(engine: Engine, spec: StreamSpec, **rest: Any) -> EngineStream:
        opened.append(spec)
        return opens(engine, spec, **rest)

    monkeypatch.setattr(Engine, "open", opening)
    clip = wav_of(noise(2.5))
    wishes = replace(WISHES, speakers=(KnownSpeaker("Ada", clip),))
    await heard(room, file_of(even, seconds=40), wishes)
    alone = len(opened)
    await heard(room, file_of(even, never, seconds=40), wishes)
    assert len(opened) == 2 * alone
    await heard(room, file_of(never, never, seconds=40), wishes)
    assert len(opened) == 2 * alone


async def test_nothing_is_heard_where_all_channels_are_silent(room: Room) -> None:
    told = await heard(room, file_of(never, never), WISHES)
    assert (told.closed, told.text, told.transcript.complete) == ((), "", True)
    assert told.transcript.usage is not None
    assert told.transcript.usage.audio_tokens == 0


async def test_a_second_channel_that_begins_in_the_second_of_joined_recordings(room: Room) -> None:
    told = await heard(room, file_of(even, seconds=40) + file_of(even, odd, seconds=40), WISHES)
    assert said(told.closed) == [*turns_of(even, turns=20), *turns_of(even, odd, turns=20)]
    assert told.transcript.channels == 2


def growing(form: Format, alone: float = 8.0) -> bytes:
    """One channel for so many seconds, and behind it two, in one stream whose packets alone tell."""
    return media(form, 32_000, 1, tones(32_000, 1, alone)) + media(form, 32_000, 2, tones(32_000, 2, 8.0))


@pytest.mark.parametrize("form", [Format("adts", "aac"), Format("ac3", "ac3"), Format("mpegts", "mp2")], ids=str)
async def test_channels_that_nothing_tells_of_before_are_heard(form: Format) -> None:
    with DecodePool(1) as decoders:
        async with decoders.begin(io.BytesIO(growing(form)), LIMITS, Listening(split=True)) as decoding:
            recording, streams = await begin_recording(decoders, decoding, WISHES, LIMITS, longest=4.0)
    assert (recording.channels, [audio.channel for audio in streams]) == (2, [0, 1])
    late = streams[1].sound
    assert late is not None
    assert np.abs(late.stretch(0, 7 * SAMPLE_RATE)).max() == 0.0
    assert np.abs(late.stretch(9 * SAMPLE_RATE, 15 * SAMPLE_RATE)).max() > 0.05


async def test_where_one_is_not_heard_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames of an MP3 may have other channels than the first: too rare to have all long calls wait for it."""
    monkeypatch.setattr("server.recordings.reading._CHANGING", frozenset[str]())
    content = growing(Format("adts", "aac"), 2 * PART_SECONDS)
    with DecodePool(1) as decoders:
        async with decoders.begin(io.BytesIO(content), LIMITS, Listening(split=True)) as decoding:
            recording, streams = await begin_recording(decoders, decoding, WISHES, LIMITS, longest=4.0)
            assert (recording.channels, len(streams), decoding.over) == (1, 1, False)
            arriving = arriving_of(streams)
            assert arriving is not None
            assert not arriving.recording.notes
            await arriving.reach(arriving.sounds[0], 60 * SAMPLE_RATE)
            assert decoding.over
            (note,) = arriving.recording.notes
    assert note == "The file begins with 1 of its 2 channels; what came up later was not heard."


@pytest.mark.parametrize("says", [SECONDS, 0.0], ids=["told", "counted"])
async def test_channels_that_are_too_long_together_are_refused_before_any_work(
    room: Room, monkeypatch: pytest.MonkeyPatch, says: float
) -> None:
    monkeypatch.setattr(room, "_limits", DecodeLimits(SECONDS + 30, 60.0))
    monkeypatch.setattr(room.engine, "open", None)  # no stream is begun
    with room.admit() as ticket, pytest.raises(AudioError) as caught:
        async with room.transcription(
            io.BytesIO(saying(file_of(even, odd, never), says)), WISHES, ticket=ticket, request_id="test"
        ):
            raise AssertionError("it was taken")
    assert caught.value.code is AudioErrorCode.AUDIO_TOO_LONG
    assert "3 channels" in caught.value.message


async def test_who_leaves_stops_the_decoder_and_all_channels(room: Room) -> None:
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(file_of(even, odd)), WISHES, ticket=ticket, request_id="test")
        async with opening as transcription, aclosing(transcription.events()) as events:
            await anext(events)
    assert not room._decoders._decodings
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "channel"]
    await assert_all_given_back(room)
    assert room.memory.used == 0


async def test_a_job_goes_on_on_all_channels(room: Room) -> None:
    content = file_of(even, odd)
    whole = await heard(room, content, WISHES)
    for count in (9, 31):  # a channel may be some segments further than what was told of it
        told = await heard(room, content, WISHES, begun=whole.closed[:count], standings=whole.stood[count - 1])
        assert facts(told.closed) == facts(whole.closed[count:])
        assert facts(told.transcript.segments) == facts(whole.transcript.segments)


async def test_a_job_goes_on_on_a_channel_that_came_up_late(room: Room) -> None:
    """Silence in front of its first words is not told, and so is none of what was told of it."""

    def later(turn: int) -> bool:
        return turn % 2 == 1 and turn >= 24

    content = file_of(even, later)
    whole = await heard(room, content, WISHES)
    for count in (6, len(whole.closed) - 5, len(whole.closed) - 2):
        stood = {standing.channel: standing for standing in whole.stood[count - 1]}
        told_of = [segment for segment in whole.closed[:count] if segment.channel == 1]
        assert 1 not in stood or stood[1].told <= len(told_of)
        told = await heard(room, content, WISHES, begun=whole.closed[:count], standings=whole.stood[count - 1])
        assert facts(told.closed) == facts(whole.closed[count:])
        assert facts(told.transcript.segments) == facts(whole.transcript.segments)
        assert told.transcript.usage == whole.transcript.usage


async def test_no_channel_waits_for_one_that_reached_its_limit(room: Room) -> None:
    """A silent one says nothing, and comes to the end of the file."""
    told = await heard(room, file_of(even, never), replace(WISHES, max_tokens=60))
    assert said(told.closed[:-1]) == turns_of(even)[: len(told.closed) - 1]
    assert 1 < len(told.closed) < len(turns_of(even))
    assert not told.transcript.complete


async def test_no_channel_waits_for_one_that_failed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch = ArrivingChannel.stretch

    def broken(channel: ArrivingChannel, first: int, last: int) -> Samples:
        if channel is channel.channels.sounds[1] and first > 0:
            raise EngineError(FailureCode.INTERNAL, "The worker died.")
        return stretch(channel, first, last)

    monkeypatch.setattr(ArrivingChannel, "stretch", broken)
    with pytest.raises(EngineError, match="The worker died"):
        await heard(room, file_of(even, odd), WISHES)


async def test_no_channel_runs_ahead_of_another() -> None:
    with DecodePool(1) as decoders:
        async with decoders.begin(io.BytesIO(file_of(even, odd)), LIMITS, Listening(split=True)) as decoding:
            await decoding.reach(1)
            await decoding.extent()
            one, other = ArrivingChannels(decoding, SECONDS).sounds
            await one.reach(20 * SAMPLE_RATE)
            async with asyncio.TaskGroup() as tasks:
                further = tasks.create_task(one.reach(40 * SAMPLE_RATE))
                one.expect(100 * SAMPLE_RATE)
                await other.reach(10 * SAMPLE_RATE)
                assert one.asked == 20 * SAMPLE_RATE
                assert decoding.size < 40 * SAMPLE_RATE
                await other.reach(20 * SAMPLE_RATE)
            assert further.result() == 40 * SAMPLE_RATE


async def test_no_channel_waits_for_what_is_decoded() -> None:
    """Neither for all others to ask for it, nor where one of them asked for more meanwhile."""
    with DecodePool(1) as decoders:
        async with decoders.begin(io.BytesIO(file_of(even, odd, odd)), LIMITS, Listening(split=True)) as decoding:
            await decoding.reach(60 * SAMPLE_RATE)
            await decoding.extent()
            assert not decoding.over
            one, other, third = ArrivingChannels(decoding, SECONDS).sounds
            async with asyncio.timeout(PATIENCE):
                for seconds in (20, 40, 60):
                    assert await one.reach(seconds * SAMPLE_RATE) == seconds * SAMPLE_RATE
            there = decoding.size
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                further = tasks.create_task(one.reach(there + SAMPLE_RATE))
                await other.reach(there + 2 * SAMPLE_RATE)
            assert further.result() == there + SAMPLE_RATE
            assert third.asked == 0.0
