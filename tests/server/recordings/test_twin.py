"""The room over the bundled checkpoint: real speech, as a command line would have it."""

from __future__ import annotations

from functools import partial

from model.tiny.recipe.scoring import edits, words_of
from server.audio_in.decode_pool import DecodePool
from server.engine.worker.load import load_model
from server.recordings.transcription import Outcome
from server.recordings.wishes import Wishes
from tests.server.recordings.conftest import open_room
from tests.support.samples import TWO_SPEAKERS, truth

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
