"""Recordings that are longer than a window: heard in several, told as one."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import pytest_asyncio

from model.seam.audio import SAMPLE_RATE, Level, LevelMeter, Samples
from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.messages import EndReason
from server.recordings.begun import Begun, Standing
from server.recordings.transcription import Transcription
from server.recordings.windowed.passage import SILENCE
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Chunking, KnownSpeaker, Wishes
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.repeats import LoopFound, LoopOutcome, loop_notes
from server.transcript.repetition import LoopKind
from server.transcript.segments import Segment, Transcript
from server.transcript.stitching.heard import Vector
from server.voices.encoder import Likeness
from tests.server.recordings.conftest import Room, file_of, noise, open_room
from tests.server.recordings.test_worker_deaths import kill
from tests.support.channel_runner import written
from tests.support.listening_runner import LEVEL, Said
from tests.support.recorded_talk import (
    HastyRunner,
    InventingRunner,
    MistakenRunner,
    RecordedTalkRunner,
    StutteringRunner,
    WilfulRunner,
    recorded,
    recording_of,
)

NAMES = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa"
TALK = [Said(place % 3, f"{name} and {name} are here.") for place, name in enumerate(NAMES.split())]
"""32 seconds: turns of 1.7, pauses of 0.3."""
WHOLE = " ".join(said.text for said in TALK)
WISHES = Wishes("talk")
HUNDREDTH = 0.0101

pytestmark = pytest.mark.asyncio(loop_scope="module")


def loud(samples: Samples, _: Level) -> bool:
    """A square wave is nobody's voice."""
    return bool(np.any(np.abs(samples) > LEVEL / 2))


class Ear:
    """A VoiceEncoder that knows the voices of a talk by how loud they are at the level that it had by some second."""

    likeness = Likeness(same=0.8, different=0.7)

    def __init__(self, talk: Sequence[Said] = TALK) -> None:
        self._talk = talk
        samples, meter = recording_of(talk), LevelMeter()
        self._gains: list[float] = []
        for start in range(0, samples.size, SAMPLE_RATE):
            meter.add(samples[start : start + SAMPLE_RATE])
            self._gains.append(meter.level.gain)

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        return [np.eye(3, dtype=np.float32)[self._talk[self._turn(clip)].speaker] for clip in clips]

    def _turn(self, clip: Samples) -> int:
        levels = float(np.max(np.abs(clip))) / LEVEL / np.array(self._gains)
        wrong = np.abs(levels - np.round(levels))
        return round(float(levels[np.argmin(np.where(levels > 0.5, wrong, 1))])) - 1

    def close(self) -> None:
        pass


def introduced(seconds: float) -> Windowing:
    return Windowing(seconds, SpeakerContinuity.INTRODUCED, loud)


def linked(seconds: float) -> Windowing:
    return Windowing(seconds, SpeakerContinuity.LINKED, loud)


def repr_of(windowing: Windowing) -> str:
    return f"{windowing.continuity.value} {windowing.seconds:g}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(decoders, partial(RecordedTalkRunner, talks={"talk": TALK})) as opened:
        yield opened


class Told:
    """What was told of a recording. ``stood``: where it was behind each segment."""

    def __init__(
        self, transcription: Transcription, events: Sequence[TranscriptEvent], stood: Sequence[tuple[Standing, ...]]
    ) -> None:
        self.stood = stood
        assert transcription.transcript is not None
        self.transcription = transcription
        self.transcript: Transcript = transcription.transcript
        self.text = "".join(event.text for event in events if isinstance(event, SpeechDelta))
        self.closed = tuple(event.segment for event in events if isinstance(event, SegmentClosed))


async def heard(
    room: Room,
    content: bytes,
    wishes: Wishes = WISHES,
    *,
    begun: tuple[Segment, ...] = (),
    standings: Sequence[Standing] = (),
    deaths: frozenset[int] = frozenset(),
) -> Told:
    events: list[TranscriptEvent] = []
    stood: list[tuple[Standing, ...]] = []
    with room.admit() as ticket:
        before = Begun.of(begun, standings)
        opening = room.transcription(io.BytesIO(content), wishes, ticket=ticket, request_id="test", begun=before)
        async with opening as transcription:
            assert transcription.heard_until == max((segment.end for segment in begun), default=0.0)
            async for event in transcription.events():
                events.append(event)
                stood += [transcription.standings] if isinstance(event, SegmentClosed) else []
                if len(events) in deaths:
                    await kill(room)
    return Told(transcription, events, stood)


def facts(segments: Sequence[Segment]) -> list[tuple[object, ...]]:
    """Times in hundredths, to which the model rounds them, in a window counted from elsewhere."""
    return [
        (
            s.index,
            s.channel,
            s.speaker,
            pytest.approx(s.start, abs=HUNDREDTH),
            pytest.approx(s.end, abs=HUNDREDTH),
            s.text,
        )
        for s in segments
    ]


@pytest.mark.parametrize("windowing", [introduced(16.0), introduced(21.0), linked(16.0), linked(24.0)], ids=repr_of)
async def test_windows_tell_what_one_pass_tells(room: Room, windowing: Windowing) -> None:
    whole = await heard(room, recorded(TALK))
    assert whole.transcript.text == WHOLE
    room.hear_in(windowing, Ear())
    told = await heard(room, recorded(TALK))
    assert told.text == told.transcript.text == WHOLE
    assert facts(told.closed) == facts(told.transcript.segments) == facts(whole.closed)
    assert told.transcript.complete
    assert "windows" in told.transcript.notes[0]
    assert told.transcription.heard_until == 32.0
    costs = told.transcription.costs
    assert costs is not None
    assert (costs.usage, costs.reason) == (told.transcript.usage, EndReason.STOP)
    assert told.transcription.first_token_at is not None


@pytest.mark.parametrize("seconds", [16.0, 20.0])
async def test_two_whom_the_model_takes_for_one_are_told_apart_by_their_voices(
    decoders: DecodePool, seconds: float
) -> None:
    """What of the first window was told before it was heard to its end stays.

    In the shorter windows one of them says too little for two people: it is who was heard before.
    """
    taken = [Said(said.speaker % 2, said.text) for said in TALK]
    async with open_room(decoders, partial(RecordedTalkRunner, talks={"talk": taken})) as room:
        room.hear_in(linked(seconds), Ear())
        told = await heard(room, recorded(TALK))
        assert told.text == WHOLE
        later = slice(8, None)
        pairs = {(s.speaker, said.speaker) for s, said in zip(told.closed[later], TALK[later], strict=True)}
        assert len(pairs) == len({number for number, _ in pairs}) == 3
        room.hear_in(linked(20.0))
        deaf = await heard(room, recorded(TALK))
    assert {segment.speaker for segment in deaf.closed} == {0, 1}


async def test_the_model_is_told_who_is_who(decoders: DecodePool) -> None:
    async with open_room(decoders, partial(WilfulRunner, talks={"talk": TALK})) as room:
        room.hear_in(introduced(16.0))
        told = await heard(room, recorded(TALK))
    assert [segment.speaker for segment in told.closed] == [said.speaker for said in TALK]
    assert told.text == WHOLE


async def test_who_is_introduced_is_heard_to_be_the_one(decoders: DecodePool) -> None:
    """A turn that the model takes for somebody else's does not stand for him from then on."""
    later = slice(8, None)
    who = [(1, 2, 0).index(said.speaker) for said in TALK[later]]  # in the order in which they are told
    async with open_room(decoders, partial(MistakenRunner, talks={"talk": TALK})) as room:
        room.hear_in(introduced(16.0), Ear())
        told = await heard(room, recorded(TALK))
        assert told.closed[0].speaker == told.closed[1].speaker == 0
        assert [segment.speaker for segment in told.closed[later]] == who
        room.hear_in(introduced(16.0))
        deaf = await heard(room, recorded(TALK))
    assert [segment.speaker for segment in deaf.closed[later]] != who


async def test_a_new_number_for_somebody_known_is_his(decoders: DecodePool) -> None:
    """Where the model does not recognise whom it was told of."""
    async with open_room(decoders, partial(InventingRunner, talks={"talk": TALK})) as room:
        room.hear_in(introduced(16.0), Ear())
        told = await heard(room, recorded(TALK))
        assert [segment.speaker for segment in told.closed] == [said.speaker for said in TALK]
        room.hear_in(introduced(16.0))
        deaf = await heard(room, recorded(TALK))
    assert {segment.speaker for segment in deaf.closed} >= {0, 1, 2, 3}


@pytest.mark.parametrize("continuity", SpeakerContinuity)
async def test_what_an_answer_leaves_out_at_its_end_is_heard_in_another_window(
    decoders: DecodePool, continuity: SpeakerContinuity
) -> None:
    async with open_room(decoders, partial(HastyRunner, talks={"talk": TALK})) as room:
        room.hear_in(Windowing(16.0, continuity, loud, has_speech=loud), Ear())
        told = await heard(room, recorded(TALK))
        assert told.text == told.transcript.text == WHOLE
        assert [segment.speaker for segment in told.closed] == [said.speaker for said in TALK]
        assert told.transcript.complete


async def test_a_model_that_always_ends_early_does_not_take_for_ever(decoders: DecodePool) -> None:
    """Two windows go on behind what was told, then one where the last ends."""
    async with open_room(decoders, partial(HastyRunner, talks={"talk": TALK}, most=1, always=True)) as room:
        room.hear_in(Windowing(16.0, has_voice=loud, has_speech=loud))
        told = await heard(room, recorded(TALK))
    starts = [round(segment.start) for segment in told.closed]
    assert starts == [0, 2, 4, 14, 16, 18, 26, 28, 30]


async def test_what_is_said_twice_where_a_window_begins_is_told_once(decoders: DecodePool) -> None:
    async with open_room(decoders, partial(StutteringRunner, talks={"talk": TALK})) as room:
        for windowing in (introduced(16.0), linked(16.0)):
            room.hear_in(windowing)
            told = await heard(room, recorded(TALK))
            assert (told.text, told.transcript.text) == (WHOLE, WHOLE)
            assert [segment.text for segment in told.closed] == [said.text for said in TALK]


async def test_windows_can_be_declined_where_one_pass_is_possible(room: Room) -> None:
    room.hear_in(introduced(16.0))
    told = await heard(room, recorded(TALK), Wishes("talk", chunking=Chunking.WHOLE))
    assert (told.text, told.transcript.notes) == (WHOLE, ())


async def test_logprobs_come_with_the_words_of_all_windows(room: Room) -> None:
    room.hear_in(linked(16.0))
    told = await heard(room, recorded(TALK), Wishes("talk", logprobs=True))
    tokens = "".join(token.token for token in told.transcript.logprobs)
    assert [name for name in NAMES.split() if name in tokens] == NAMES.split()


@pytest.mark.parametrize("windowing", [introduced(16.0), linked(16.0)], ids=repr_of)
async def test_what_was_told_is_not_told_again(room: Room, windowing: Windowing) -> None:
    room.hear_in(windowing, Ear())
    content = recorded(TALK)
    whole = await heard(room, content)
    for count in (1, 6, 15, 16):
        told = await heard(room, content, begun=whole.closed[:count])
        assert facts(told.transcript.segments) == facts(whole.closed)
        assert facts(told.closed) == facts(whole.closed[count:])
        assert " ".join(s.text for s in whole.closed[:count]) + told.text == WHOLE


async def test_a_later_attempt_tells_what_one_without_a_break_does(room: Room) -> None:
    """Its windows, and what they cost together, wherever the first one broke off."""
    room.hear_in(introduced(16.0))
    content = recorded(TALK)
    whole = await heard(room, content)
    for count in range(1, 17):
        told = await heard(room, content, begun=whole.closed[:count], standings=whole.stood[count - 1])
        assert told.transcript.segments == whole.closed
        assert told.closed == whole.closed[count:]
        assert told.transcript.notes == whole.transcript.notes
        assert told.transcript.usage == whole.transcript.usage


@pytest.mark.parametrize("windowing", [introduced(16.0), linked(16.0), introduced(600.0)], ids=repr_of)
async def test_loops_of_an_earlier_attempt_are_told(room: Room, windowing: Windowing) -> None:
    """Each once, in whichever kind of attempt they are taken up."""
    room.hear_in(windowing, Ear())
    content = recorded(TALK)
    whole = await heard(room, content)
    loop = LoopFound(1.0, 2.0, LoopKind.WORDS, LoopOutcome.SKIPPED, 2)
    stood = replace(whole.stood[1][0], loops=(loop,))
    once = await heard(room, content, begun=whole.closed[:2], standings=[stood])
    again = await heard(room, content, begun=whole.closed[:3], standings=once.stood[0])
    for told in (once, again):
        assert told.transcript.loops == (loop,)
        assert [note for note in told.transcript.notes if "repeat itself" in note] == loop_notes([loop])


async def test_channels_are_heard_in_windows_each(room: Room) -> None:
    split = Wishes("talk", listening=Listening(split=True))
    room.hear_in(Windowing())
    whole = await heard(room, recorded(TALK, channels=2), split)
    room.hear_in(introduced(16.0))
    told = await heard(room, recorded(TALK, channels=2), split)
    assert facts(told.closed) == facts(whole.closed)
    assert told.text == told.transcript.text == whole.text


async def test_workers_may_die(room: Room) -> None:
    room.hear_in(introduced(16.0))
    before = room.engine.restarts
    told = await heard(room, recorded(TALK), deaths=frozenset({20}))
    assert told.text == told.transcript.text == WHOLE
    assert [s.speaker for s in told.closed] == [said.speaker for said in TALK]
    assert room.engine.restarts == before + 1


async def test_silent_windows_are_not_heard(room: Room) -> None:
    room.hear_in(introduced(16.0))
    quiet = np.zeros(20 * 24_000, np.float32)
    told = await heard(room, file_of(np.concatenate([recording_of(TALK), quiet, quiet])))
    assert told.text == WHOLE
    assert {s.text for s in told.closed if not s.is_speech} == {SILENCE}
    assert told.closed[-1].end == pytest.approx(72.0, abs=0.1)
    assert told.transcript.usage is not None
    assert told.transcript.usage.audio_tokens < 60 * 7.5


@pytest.mark.parametrize("windowing", [introduced(16), linked(16)], ids=repr_of)
async def test_nobody_else_waits_while_voices_are_looked_for(room: Room, windowing: Windowing) -> None:
    """Minutes without any are looked through to their end, which takes seconds."""
    threads = set()

    def has_voice(samples: Samples, level: Level) -> bool:
        threads.add(threading.get_ident())
        return loud(samples, level)

    room.hear_in(replace(windowing, has_voice=has_voice), Ear())
    assert (await heard(room, recorded(TALK))).text == WHOLE
    assert threads
    assert threading.get_ident() not in threads


async def test_only_the_caller_cuts(room: Room) -> None:
    room.hear_in(introduced(16.0))
    told = await heard(room, recorded(TALK), Wishes("talk", max_tokens=300))
    assert told.transcript.usage is not None
    assert told.transcript.usage.answer_tokens == 300
    assert not told.transcript.complete
    assert WHOLE.startswith(told.text)
    assert told.transcription.costs is not None
    assert told.transcription.costs.reason is EndReason.LENGTH


async def test_known_speakers_stand_in_front_of_every_window(decoders: DecodePool) -> None:
    """The same is said of clips and windows here: it is the numbers that are looked at."""
    answer = written((0, 2.4, 0, "the reference"), (3, 5, 1, "Hello?"), (6, 7, 0, "Yes."))
    wishes = Wishes(answer, speakers=(KnownSpeaker("Ada", file_of(noise(2.5))),))
    async with open_room(decoders) as room:
        room.hear_in(Windowing(16.0, has_voice=loud))
        told = await heard(room, file_of(noise(30.0)), wishes)
    assert told.transcript.speaker_names == {0: "Ada"}
    assert "Ada" in [told.transcript.speaker_names.get(s.speaker or 0) for s in told.closed]
