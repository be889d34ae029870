"""Wishes and a file in, transcript events, costs and errors out, with a scripted model and without HTTP."""

from __future__ import annotations

import io
from contextlib import aclosing

import pytest

from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import Samples
from server.audio_in.decode_pool import DecodePool
from server.audio_in.errors import AudioErrorCode
from server.engine.client.engine import Engine
from server.engine.messages import EndReason, FailureCode
from server.engine.settings import EngineSettings
from server.recordings.errors import AudioError, EngineError, EngineUnavailable, Overloaded, UnusableReference
from server.recordings.recordings import Recordings
from server.recordings.transcription import Outcome
from server.recordings.wishes import KnownSpeaker, Wishes
from server.resources import Budget, Resource
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.segments import Transcript, Usage
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import LONGEST, Room, file_of, noise, open_room
from tests.support.scripted_runner import AFTER, BEFORE, Trouble
from tests.support.speaking_runner import CHECKPOINT, SEGMENTS, TEXT, SpeakingRunner, endless_answer

SPEECH = noise(3.0)


async def transcript_of(room: Room, samples: Samples, wishes: Wishes) -> Transcript:
    with room.admit() as ticket:
        file = io.BytesIO(file_of(samples))
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            return await transcription.whole()


async def assert_all_given_back(room: Room) -> None:
    await eventually(
        lambda: room.engine.stats is not None and room.engine.stats.running == room.engine.stats.pages_used == 0
    )
    assert (room.engine.admission.requests, room.engine.admission.audio_seconds) == (0, 0.0)


async def test_events_add_up_to_the_transcript_and_its_costs_are_known(room: Room) -> None:
    with room.admit() as ticket:
        file = io.BytesIO(file_of(SPEECH))
        opening = room.transcription(file, Wishes(), ticket=ticket, request_id="test")
        transcription = await opening.__aenter__()
        assert room.engine.admission.audio_seconds == 3.0
        assert (transcription.recording.seconds, transcription.recording.notes) == (3.0, ())
        assert (transcription.costs, transcription.transcript, transcription.first_segment_at) == (None, None, None)
        events = [event async for event in transcription.events()]
        await opening.__aexit__(None, None, None)
    assert "".join(event.text for event in events if isinstance(event, SpeechDelta)) == TEXT
    closed = [event.segment.text for event in events if isinstance(event, SegmentClosed)]
    assert closed == [segment["Content"] for segment in SEGMENTS]
    assert transcription.transcript is not None
    assert (transcription.transcript.text, transcription.outcome) == (TEXT, Outcome.TRANSCRIBED)
    assert transcription.first_segment_at is not None
    costs = transcription.costs
    assert costs is not None
    tokens = len(SpeakingRunner().tokens_of(None))
    assert costs.usage == Usage(GEOMETRY.frames(SPEECH.size), BEFORE + AFTER, tokens) == transcription.transcript.usage
    assert costs.reason is EndReason.STOP
    assert min(costs.queue_seconds, costs.inference_seconds, transcription.decode_seconds) >= 0
    await assert_all_given_back(room)


async def test_wishes_reach_the_model_and_the_transcript(room: Room) -> None:
    answer = '[{"Start":0,"End":1,"Speaker":0,"Content":"as wished"}]'
    assert (await transcript_of(room, SPEECH, Wishes(answer))).text == "as wished"
    assert not (await transcript_of(room, SPEECH, Wishes())).logprobs
    logprobs = (await transcript_of(room, SPEECH, Wishes(logprobs=True))).logprobs
    assert {token.logprob for token in logprobs} == {-0.5}


async def test_an_answer_that_is_cut_says_so(room: Room) -> None:
    with room.admit() as ticket:
        file = io.BytesIO(file_of(SPEECH))
        async with room.transcription(
            file, Wishes(endless_answer(), max_tokens=100), ticket=ticket, request_id="test"
        ) as transcription:
            transcript = await transcription.whole()
    assert not transcript.complete
    assert transcription.costs is not None
    assert transcription.costs.reason is EndReason.LENGTH


async def test_known_speakers_are_called_by_name(room: Room) -> None:
    """2.5 s of reference and half a second of silence stand before the recording."""
    answer = (
        '[{"Start":0,"End":2.4,"Speaker":0,"Content":"the reference"},'
        '{"Start":3.1,"End":4,"Speaker":1,"Content":"hello"},{"Start":4,"End":5,"Speaker":0,"Content":"there"}]'
    )
    wishes = Wishes(answer, speakers=(KnownSpeaker("Ada", file_of(noise(2.5))),))
    transcript = await transcript_of(room, SPEECH, wishes)
    heard = [(segment.speaker, round(segment.start, 2), segment.text) for segment in transcript.segments]
    assert heard == [(1, 0.1, "hello"), (0, 1.0, "there")]
    assert (transcript.duration, transcript.speaker_names) == (3.0, {0: "Ada"})
    assert transcript.usage is not None
    assert transcript.usage.audio_tokens == GEOMETRY.frames(SPEECH.size * 2)


@pytest.mark.parametrize(
    ("clip", "code"),
    [
        (file_of(noise(1.9)), None),
        (file_of(noise(10.1)), None),
        (b"no audio at all " * 9, AudioErrorCode.UNSUPPORTED_FORMAT),
    ],
)
async def test_a_reference_that_cannot_be_used(room: Room, clip: bytes, code: AudioErrorCode | None) -> None:
    with pytest.raises(UnusableReference) as caught:
        await transcript_of(room, SPEECH, Wishes(speakers=(KnownSpeaker("Ada", clip),)))
    assert caught.value.code is code
    assert room.engine.admission.requests == 0


async def test_a_file_that_cannot_be_used(room: Room) -> None:
    with room.admit() as ticket:
        with pytest.raises(AudioError) as caught:
            async with room.transcription(io.BytesIO(b"words " * 99), Wishes(), ticket=ticket, request_id="test"):
                raise AssertionError("it was taken")
        assert room.engine.admission.audio_seconds == 0
    assert caught.value.code is AudioErrorCode.UNSUPPORTED_FORMAT


async def test_what_the_engine_cannot_do_is_said_where_the_answer_is_read(room: Room) -> None:
    with room.admit() as ticket:
        opening = room.transcription(
            io.BytesIO(file_of(SPEECH)), Wishes(Trouble.OUT_OF_MEMORY), ticket=ticket, request_id="test"
        )
        async with opening as transcription:
            with pytest.raises(EngineError) as caught:
                await transcription.whole()
    assert caught.value.code is FailureCode.OUT_OF_MEMORY
    assert transcription.outcome is Outcome.FAILED
    assert (transcription.transcript, transcription.costs) == (None, None)


@pytest.mark.parametrize("read", [0, 1], ids=["before the first event", "after it"])
async def test_leaving_gives_everything_back(decoders: DecodePool, read: int) -> None:
    async with open_room(decoders) as room:
        with room.admit() as ticket:
            opening = room.transcription(
                io.BytesIO(file_of(SPEECH)), Wishes(endless_answer()), ticket=ticket, request_id="test"
            )
            async with opening as transcription, aclosing(transcription.events()) as events:
                for _ in range(read):
                    await anext(events)
        assert transcription.outcome is Outcome.CANCELLED
        await assert_all_given_back(room)


async def test_places_are_limited_and_so_is_the_audio_of_all(decoders: DecodePool) -> None:
    async with open_room(decoders, settings=EngineSettings(max_requests=2, max_audio_seconds=5.0)) as room:
        file = io.BytesIO(file_of(SPEECH))
        with room.admit() as first, room.admit() as second:
            with pytest.raises(Overloaded):
                room.admit()
            async with room.transcription(file, Wishes(), ticket=first, request_id="first") as transcription:
                with pytest.raises(Overloaded):
                    async with room.transcription(file, Wishes(), ticket=second, request_id="second"):
                        raise AssertionError("it was taken")
                assert (await transcription.whole()).text == TEXT
        await assert_all_given_back(room)


async def test_nobody_is_let_in_before_the_engine_is_ready(decoders: DecodePool) -> None:
    room = Recordings(
        Engine(SpeakingRunner),
        Vocabulary.load(CHECKPOINT),
        decoders,
        max_audio_seconds=LONGEST,
        memory=Budget(Resource.MEMORY, 1 << 30),
        disk=Budget(Resource.DISK, 1 << 34),
    )
    with pytest.raises(EngineUnavailable):
        room.admit()
