"""The room over the bundled checkpoint: real speech, as a command line would have it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
import soundfile  # type: ignore[import-untyped]

from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE
from model.tiny.recipe.scoring import edits, words_of
from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.worker.load import ModelWishes, load_model
from server.recordings.errors import UnevenSegment
from server.recordings.transcription import Outcome
from server.recordings.windowed.windowing import Windowing
from server.recordings.wishes import Wishes
from server.transcript.segments import Segment, Transcript
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import Room, open_room
from tests.support.samples import SHORT, TWO_SPEAKERS, truth

TWIN = partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32"))


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(decoders, TWIN) as opened:
        yield opened


async def test_who_said_what(room: Room) -> None:
    turns = [turn for turn in truth(TWO_SPEAKERS) if "Speaker" in turn]
    with room.admit() as ticket, TWO_SPEAKERS.open("rb") as file:
        async with room.transcription(file, Wishes(), ticket=ticket, request_id="test") as transcription:
            transcript = await transcription.whole()
    assert transcription.outcome is Outcome.TRANSCRIBED
    expected = words_of(" ".join(turn["Content"] for turn in turns))
    assert edits(words_of(transcript.text), expected) <= len(expected) // 5
    assert len({segment.speaker for segment in transcript.speech}) == len({turn["Speaker"] for turn in turns})


async def test_two_channels_say_what_each_says_alone(room: Room) -> None:
    """A call, made of the beginnings of two samples."""
    seconds = 5 * SAMPLE_RATE
    sides = [soundfile.read(path, seconds, dtype="float32", fill_value=0)[0] for path in (SHORT, TWO_SPEAKERS)]
    alone = [await heard(room, side[:, None], Wishes()) for side in sides]
    split = await heard(room, np.stack(sides, 1), Wishes(listening=Listening(split=True)))
    for number, answer in enumerate(alone):
        assert answer.text
        rows = [segment for segment in split.segments if segment.channel == number]
        assert [facts(row) for row in rows] == [facts(segment) for segment in answer.segments]
    assert [row.start for row in split.segments] == sorted(row.start for row in split.segments)
    assert {row.channel for row in split.speech} == {0, 1}


async def test_two_long_channels_say_what_each_says_alone_in_windows(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are decoded while they are heard: the first segments leave before all of it is there."""
    monkeypatch.setattr(room, "_windows", room._windows)
    room.hear_in(Windowing(4.0))
    sides = [np.resize(soundfile.read(path, dtype="float32")[0], 11 * SAMPLE_RATE) for path in (SHORT, TWO_SPEAKERS)]
    alone = [await heard(room, side[:, None], Wishes()) for side in sides]
    split = await heard(room, np.stack(sides, 1), Wishes(listening=Listening(split=True)))
    for number, answer in enumerate(alone):
        assert len(answer.speech) > 1
        rows = [segment for segment in split.segments if segment.channel == number]
        assert [facts(row) for row in rows] == [facts(segment) for segment in answer.segments]
        assert any("windows" in note for note in answer.notes)
        assert {f"Channel {number}: {note}" for note in answer.notes} <= set(split.notes)
    assert [row.start for row in split.segments] == sorted(row.start for row in split.segments)


async def test_instructions_side_by_side_give_what_each_gives_alone(room: Room) -> None:
    """They share steps, whatever is asked."""
    samples = soundfile.read(SHORT, dtype="float32")[0][: 3 * SAMPLE_RATE, None]
    asked = [Wishes(), Wishes(instruction="What is said?"), Wishes("Zebra", instruction="Who speaks first?")]
    alone = [await heard(room, samples, wishes) for wishes in asked]
    before = room.engine.done
    together = await asyncio.gather(*(heard(room, samples, wishes) for wishes in asked))
    after = room.engine.done
    for one, other in zip(together, alone, strict=True):
        assert list(map(facts, one.segments)) == list(map(facts, other.segments))
    steps = sum(after.rows.counts) - sum(before.rows.counts)
    assert after.rows.total - before.rows.total > steps, "they were rows of the same steps"
    assert [segment.free for answer in alone[1:] for segment in answer.segments] == [True, True]
    assert len({answer.usage.text_tokens for answer in alone if answer.usage}) == len(asked), "each had its own prompt"


async def test_audio_in_parts_of_any_duration_is_heard_alike(room: Room) -> None:
    """Transformers' `acoustic_tokenizer_chunk_size`: in float32 it changes no token."""
    samples = soundfile.read(SHORT, dtype="float32")[0][: 4 * SAMPLE_RATE, None]
    whole = await heard(room, samples, Wishes())
    assert whole.text
    for seconds in (GEOMETRY.seconds(1), 2.0, 60.0):
        least = room.engine.done.steps + 4 / seconds
        parts = await heard(room, samples, Wishes(segment_seconds=seconds))
        await eventually(partial(has_done, room, least))  # each part is a step of its own
        assert list(map(facts, parts.segments)) == list(map(facts, whole.segments)), seconds
    with pytest.raises(UnevenSegment):
        await heard(room, samples, Wishes(segment_seconds=1.0))


def has_done(room: Room, steps: float) -> bool:
    return room.engine.done.steps >= steps


def facts(segment: Segment) -> tuple[object, ...]:
    return segment.start, segment.end, segment.text, segment.tokens


async def heard(room: Room, channels: npt.NDArray[np.float32], wishes: Wishes) -> Transcript:
    """``channels``: [samples, channels]."""
    file = io.BytesIO()
    soundfile.write(file, channels, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    with room.admit() as ticket:
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            return await transcription.whole()
