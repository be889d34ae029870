"""The room over the bundled checkpoint: real speech, as a command line would have it."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from model.tiny.recipe.scoring import edits, words_of
from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.worker.load import load_model
from server.recordings.transcription import Outcome
from server.recordings.wishes import Wishes
from server.transcript.segments import Segment, Transcript
from tests.server.recordings.conftest import Room, open_room
from tests.support.samples import SHORT, TWO_SPEAKERS, truth

TWIN = partial(load_model, "tiny", device="cpu", dtype="float32")


async def test_who_said_what(decoders: DecodePool) -> None:
    turns = [turn for turn in truth(TWO_SPEAKERS) if "Speaker" in turn]
    async with open_room(decoders, TWIN) as room:
        with room.admit() as ticket, TWO_SPEAKERS.open("rb") as file:
            async with room.transcription(file, Wishes(), ticket=ticket, request_id="test") as transcription:
                transcript = await transcription.whole()
    assert transcription.outcome is Outcome.TRANSCRIBED
    expected = words_of(" ".join(turn["Content"] for turn in turns))
    assert edits(words_of(transcript.text), expected) <= len(expected) // 5
    assert len({segment.speaker for segment in transcript.speech}) == len({turn["Speaker"] for turn in turns})


async def test_two_channels_say_what_each_says_alone(decoders: DecodePool) -> None:
    """A call, made of the beginnings of two samples."""
    sides = [soundfile.read(path, dtype="float32")[0][: 5 * SAMPLE_RATE] for path in (SHORT, TWO_SPEAKERS)]
    async with open_room(decoders, TWIN) as room:
        alone = [await heard(room, side[:, None], Wishes()) for side in sides]
        split = await heard(room, np.stack(sides, 1), Wishes(listening=Listening(split=True)))
    for number, answer in enumerate(alone):
        assert answer.text
        rows = [segment for segment in split.segments if segment.channel == number]
        assert [facts(row) for row in rows] == [facts(segment) for segment in answer.segments]
    assert [row.start for row in split.segments] == sorted(row.start for row in split.segments)
    assert {row.channel for row in split.speech} == {0, 1}


def facts(segment: Segment) -> tuple[object, ...]:
    return segment.start, segment.end, segment.text, segment.tokens


async def heard(room: Room, channels: npt.NDArray[np.float32], wishes: Wishes) -> Transcript:
    """``channels``: [samples, channels]."""
    file = io.BytesIO()
    soundfile.write(file, channels, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    with room.admit() as ticket:
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            return await transcription.whole()
