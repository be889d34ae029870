"""Two channels, two people: each heard for itself, told together."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.budget import work_seconds
from server.engine.messages import EndReason, FailureCode
from server.engine.settings import EngineSettings
from server.recordings.errors import EngineError, Overloaded
from server.recordings.transcription import Outcome, Transcription
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.segments import Transcript
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import Room, file_of, noise, open_room
from tests.support.channel_runner import ChannelRunner, said, written
from tests.support.scripted_runner import AFTER, BEFORE, Trouble
from tests.support.speaking_runner import CHECKPOINT, TEXT, endless_answer

LEFT = written((0, 1, 0, "Good morning."), (2, 2.5, 0, "Fine."), (2.5, 3, 1, "Me too."))
RIGHT = written((0.5, 1, None, "[Silence]"), (1, 2, 0, "How are you?"))
CALL = [noise(3.0), noise(3.1)[: 3 * SAMPLE_RATE]]


def call(*channels: Samples) -> bytes:
    """A file of these channels."""
    file = io.BytesIO()
    soundfile.write(file, np.stack(channels, 1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.fixture
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(decoders, ChannelRunner) as opened:
        yield opened


def split(context: str | None = None, **wishes: object) -> Wishes:
    return Wishes(context, listening=Listening(split=True), **wishes)  # type: ignore[arg-type]


async def heard(room: Room, wishes: Wishes, *channels: Samples) -> tuple[Transcription, Transcript]:
    with room.admit() as ticket:
        file = io.BytesIO(call(*channels))
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            return transcription, await transcription.whole()


async def test_who_said_what_on_which_channel(room: Room) -> None:
    transcription, transcript = await heard(room, split(said(LEFT, RIGHT), logprobs=True), *CALL)
    assert [(s.index, s.channel, s.speaker, s.start, s.text) for s in transcript.segments] == [
        (0, 0, 0, 0.0, "Good morning."),
        (1, 1, None, 0.5, "[Silence]"),
        (2, 1, 1, 1.0, "How are you?"),
        (3, 0, 0, 2.0, "Fine."),
        (4, 0, 2, 2.5, "Me too."),
    ]
    assert transcript.text == "Good morning. How are you? Fine. Me too."
    assert (transcript.duration, transcript.channels, transcript.complete, transcript.notes) == (3.0, 2, True, ())
    assert transcript.usage is not None
    assert transcript.usage.audio_tokens == 2 * GEOMETRY.frames(3 * SAMPLE_RATE)
    assert transcript.usage.text_tokens == 2 * (BEFORE + AFTER)
    assert "".join(token.token for token in transcript.logprobs).startswith("Good")
    assert (transcription.heard_seconds, transcription.recording.channels) == (6.0, 2)
    assert transcription.outcome is Outcome.TRANSCRIBED
    costs = transcription.costs
    assert costs is not None
    assert (costs.usage, costs.reason) == (transcript.usage, EndReason.STOP)
    assert min(costs.queue_seconds, costs.inference_seconds) >= 0


async def test_events_add_up_to_the_transcript(room: Room) -> None:
    with room.admit() as ticket:
        file = io.BytesIO(call(*CALL))
        opening = room.transcription(file, split(said(LEFT, RIGHT)), ticket=ticket, request_id="test")
        async with opening as transcription:
            prompt = Vocabulary.load(CHECKPOINT).count(said(LEFT, RIGHT))
            weight = work_seconds(VIBEVOICE_ASR, 3.0, prompt)
            assert weight > 6.0
            assert room.engine.admission.audio_seconds == 2 * weight, "each channel has the prompt"
            events = [event async for event in transcription.events()]
            assert transcription.transcript is not None
            assert transcription.first_segment_at is not None
    text = "".join(event.text for event in events if isinstance(event, SpeechDelta))
    assert text == transcription.transcript.text
    closed = tuple(event.segment for event in events if isinstance(event, SegmentClosed))
    assert closed == transcription.transcript.segments


async def test_one_channel_is_one_channel(room: Room) -> None:
    _, transcript = await heard(room, split(), CALL[0])
    assert (transcript.text, transcript.channels) == (TEXT, 1)
    assert {segment.channel for segment in transcript.segments} == {0}
    _, mixed = await heard(room, Wishes(), *CALL)
    assert (mixed.channels, {segment.channel for segment in mixed.segments}) == (1, {None})


async def test_silence_costs_nothing_and_says_nothing(room: Room) -> None:
    silent = np.zeros_like(CALL[0])
    transcription, transcript = await heard(room, split(said(RIGHT)), silent, CALL[1])
    assert [(s.channel, s.speaker, s.text) for s in transcript.speech] == [(1, 1, "How are you?")]
    assert (transcription.heard_seconds, transcript.channels, transcript.notes) == (3.0, 2, ())

    transcription, transcript = await heard(room, split(said(LEFT, RIGHT)), silent, silent)
    assert (transcript.segments, transcript.text, transcript.complete) == ((), "", True)
    assert transcript.usage is not None
    assert transcript.usage.audio_tokens == 0
    assert transcription.outcome is Outcome.TRANSCRIBED
    assert transcription.costs is not None


async def test_one_sound_on_two_channels_is_told_once(room: Room) -> None:
    transcription, transcript = await heard(room, split(said(LEFT, RIGHT)), CALL[0], CALL[0])
    assert {segment.channel for segment in transcript.segments} == {0}
    assert len(transcript.notes) == 1
    assert "the same" in transcript.notes[0]
    assert (transcript.channels, transcription.heard_seconds) == (2, 3.0)


async def test_known_speakers_are_known_on_every_channel(room: Room) -> None:
    """2.5 s of reference and half a second of silence stand before each channel."""
    left = written((0, 2.4, 0, "the reference"), (3, 4, 1, "Hello?"), (5, 6, 0, "Yes."))
    right = written((0, 2.4, 0, "the reference"), (4, 5, 1, "Hello!"))
    wishes = split(said(left, right), speakers=(KnownSpeaker("Ada", file_of(noise(2.5))),))
    _, transcript = await heard(room, wishes, *CALL)
    names = [(s.channel, transcript.speaker_names.get(s.speaker or 0, s.speaker), s.text) for s in transcript.segments]
    assert names == [(0, 1, "Hello?"), (1, 2, "Hello!"), (0, "Ada", "Yes.")]
    assert [segment.start for segment in transcript.segments] == [0.0, 1.0, 2.0]


async def test_an_answer_that_is_cut_says_on_which_channel(room: Room) -> None:
    wishes = replace(split(said(LEFT, endless_answer())), max_tokens=200)
    transcription, transcript = await heard(room, wishes, *CALL)
    assert not transcript.complete
    assert [note.partition(":")[0] for note in transcript.notes] == ["Channel 1"]
    assert transcription.costs is not None
    assert transcription.costs.reason is EndReason.LENGTH
    assert {segment.channel for segment in transcript.speech} == {0, 1}


async def test_one_channel_fails_all(room: Room) -> None:
    with room.admit() as ticket:
        file = io.BytesIO(call(*CALL))
        opening = room.transcription(file, split(Trouble.OUT_OF_MEMORY), ticket=ticket, request_id="test")
        async with opening as transcription:
            with pytest.raises(EngineError) as caught:
                await transcription.whole()
    assert caught.value.code is FailureCode.OUT_OF_MEMORY
    assert (transcription.outcome, transcription.transcript) == (Outcome.FAILED, None)
    await eventually(lambda: room.engine.stats is not None and room.engine.stats.pages_used == 0)
    assert (room.engine.admission.requests, room.engine.admission.audio_seconds) == (0, 0.0)


async def test_channels_are_computed_side_by_side(decoders: DecodePool) -> None:
    """Also while one of them has not said yet where its first segment begins."""
    endless = '[{"Content":"' + endless_answer().partition('"Content": "')[2]
    async with open_room(decoders, partial(ChannelRunner, step_seconds=0.01)) as room:
        with room.admit() as ticket:
            file = io.BytesIO(call(*CALL))
            opening = room.transcription(file, split(said(endless, endless)), ticket=ticket, request_id="test")
            async with opening as transcription:
                reading = asyncio.create_task(transcription.whole())
                await eventually(
                    lambda: room.engine.stats is not None and room.engine.stats.done.rows.counts[1:2] > (0,)
                )
                reading.cancel()


async def test_leaving_gives_everything_back(room: Room) -> None:
    with room.admit() as ticket:
        file = io.BytesIO(call(*CALL))
        wishes = split(said(endless_answer(), endless_answer()))
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            await anext(transcription.events())
    assert transcription.outcome is Outcome.CANCELLED
    await eventually(lambda: room.engine.stats is not None and room.engine.stats.pages_used == 0)
    assert room.engine.admission.audio_seconds == 0.0


async def test_the_audio_of_all_channels_is_counted(decoders: DecodePool) -> None:
    async with open_room(decoders, ChannelRunner, EngineSettings(max_audio_seconds=8.0)) as room:
        with room.admit() as first, room.admit() as second:
            file = io.BytesIO(call(*CALL))
            async with room.transcription(file, split(), ticket=first, request_id="first"):
                with pytest.raises(Overloaded):
                    async with room.transcription(file, Wishes(), ticket=second, request_id="second"):
                        raise AssertionError("it was taken")
