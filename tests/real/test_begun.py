"""Recordings that an earlier attempt told a part of, in the real vocabulary: it is gone on with in any script.

The real tokenizer joins what ends a content and what begins the next segment (``."``, ``},{"``) into single tokens, and
cuts signs of many scripts into several: what was told is one text all the same, whatever the beginning is.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import NamedTuple

import pytest
import pytest_asyncio

from server.audio_in.decode_pool import DecodePool
from server.recordings.begun import Begun, Standing
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Wishes
from server.transcript.events import SpeechDelta
from server.transcript.segments import Transcript
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


class Attempt(NamedTuple):
    """What was told. ``stood``: where it was behind each segment."""

    text: str
    stood: list[tuple[Standing, ...]]
    transcript: Transcript


async def heard(room: Room, begun: Begun = Begun()) -> Attempt:  # noqa: B008 - frozen
    told, stood = "", list[tuple[Standing, ...]]()
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(WAV), Wishes("x"), ticket=ticket, request_id="test", begun=begun)
        async with opening as transcription:
            async for event in transcription.events():
                if isinstance(event, SpeechDelta):
                    told += event.text
                else:
                    stood.append(transcription.standings)
    assert transcription.transcript is not None
    return Attempt(told, stood, transcription.transcript)


@pytest.mark.parametrize("seconds", [600.0, 15.0], ids=["one pass", "windows"])
async def test_what_was_told_is_gone_on_with_in_any_script(room: Room, seconds: float) -> None:
    room.hear_in(Windowing(seconds, SpeakerContinuity.INTRODUCED))
    text, _, whole = await heard(room)
    assert text == whole.text == " ".join(said.text for said in TALK)
    assert [segment.speaker for segment in whole.segments] == [said.speaker for said in TALK]
    for count in range(2, len(TALK), 3):
        told, _, again = await heard(room, Begun(whole.segments[:count]))
        assert " ".join(segment.text for segment in whole.segments[:count]) + told == again.text == whole.text
        for one, other in zip(again.segments, whole.segments, strict=True):
            assert (one.index, one.speaker, one.text) == (other.index, other.speaker, other.text)
            assert one.start == pytest.approx(other.start, abs=ROUNDING)
            assert one.end == pytest.approx(other.end, abs=ROUNDING)


@pytest.mark.parametrize("seconds", [600.0, 15.0], ids=["one pass", "windows"])
async def test_an_answer_is_gone_on_with_behind_its_own_tokens(room: Room, seconds: float) -> None:
    """Of which the last one of a segment may begin the next: nothing is different then, its cost included."""
    room.hear_in(Windowing(seconds, SpeakerContinuity.INTRODUCED))
    first = await heard(room)
    whole = first.transcript
    for count in range(1, len(TALK), 4):
        told, _, again = await heard(room, Begun.of(whole.segments[:count], first.stood[count - 1]))
        assert " ".join(segment.text for segment in whole.segments[:count]) + told == whole.text
        assert again.segments == whole.segments
        assert again.usage == whole.usage
