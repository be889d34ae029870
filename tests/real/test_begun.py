"""Recordings that an earlier attempt told a part of, in the real vocabulary: it is gone on with in any script.

The real tokenizer joins what ends a content and what begins the next segment (``."``, ``},{"``) into single tokens, and
cuts signs of many scripts into several: what was told is one text all the same, whatever the beginning is.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
import pytest_asyncio

from server.audio_in.decode_pool import DecodePool
from server.recordings.begun import Begun
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Wishes
from server.transcript.events import SpeechDelta
from server.transcript.segments import Segment, Transcript
from tests.real.texts import SENTENCES
from tests.server.recordings.conftest import Room, open_room
from tests.support.habitual_runner import HabitualRunner
from tests.support.snapshot import snapshot
from tests.support.talks import Said, audio_of, wav_of

TALK = [
    Said(place % 3, text, seconds=1.6)
    for place, text in enumerate(text for sentences in SENTENCES.values() for text in sentences[1:3])
]
WAV = wav_of(audio_of(TALK))
ROUNDING = 0.03
"""Seconds: the script hears in fortieths of one, and a window behind what was told begins elsewhere."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecodePool]:
    with DecodePool(1) as pool:
        yield pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(decoders, partial(HabitualRunner, checkpoint=snapshot(), talk=TALK)) as opened:
        yield opened


async def heard(room: Room, begun: tuple[Segment, ...] = ()) -> tuple[str, Transcript]:
    """What is told, and the transcript."""
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(WAV), Wishes("x"), ticket=ticket, request_id="test", begun=Begun(begun))
        async with opening as transcription:
            told = [event.text async for event in transcription.events() if isinstance(event, SpeechDelta)]
    assert transcription.transcript is not None
    return "".join(told), transcription.transcript


@pytest.mark.parametrize("seconds", [600.0, 15.0], ids=["one pass", "windows"])
async def test_what_was_told_is_gone_on_with_in_any_script(room: Room, seconds: float) -> None:
    room.hear_in(Windowing(seconds, SpeakerContinuity.INTRODUCED))
    text, whole = await heard(room)
    assert text == whole.text == " ".join(said.text for said in TALK)
    assert [segment.speaker for segment in whole.segments] == [said.speaker for said in TALK]
    for count in range(2, len(TALK), 3):
        told, again = await heard(room, whole.segments[:count])
        assert " ".join(segment.text for segment in whole.segments[:count]) + told == again.text == whole.text
        for one, other in zip(again.segments, whole.segments, strict=True):
            assert (one.index, one.speaker, one.text) == (other.index, other.speaker, other.text)
            assert one.start == pytest.approx(other.start, abs=ROUNDING)
            assert one.end == pytest.approx(other.end, abs=ROUNDING)
