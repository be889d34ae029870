"""A recording that an earlier attempt told a part of: the rest is told, and the transcript is the same."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.worker.load import ModelWishes, RunnerFactory, load_model
from server.recordings.begun import Begun, Standing
from server.recordings.windowed.windowing import Windowing
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment, Transcript
from tests.server.recordings.conftest import Room, file_of, noise, open_room
from tests.support.channel_runner import ChannelRunner, said, written
from tests.support.listening_runner import Said
from tests.support.recorded_talk import RecordedTalkRunner, recorded
from tests.support.samples import SAMPLES

TALK = [Said(0, "Good morning."), Said(1, "Morning, how are you?"), Said(0, "Quite well."), Said(2, "[Music]")]
KNOWN = (KnownSpeaker("Ada", file_of(noise(2.5))),)
BEHIND = [
    written((0, 2.4, 0, "the reference"), (3, 4, 1, "Hello?"), (5, 6, 0, "Yes."), (6, 7, 1, "Fine.")),
    written((0, 2.4, 0, "the reference"), (4, 5, 1, "Hello!")),
]
"""What is answered about channels with the known speaker's clip in front."""


class Attempt(NamedTuple):
    """What was told. ``stood``: where it was behind each segment."""

    text: str
    closed: list[Segment]
    stood: list[tuple[Standing, ...]]
    transcript: Transcript


async def heard(room: Room, content: bytes, wishes: Wishes, begun: Begun = Begun()) -> Attempt:  # noqa: B008 - frozen
    text, closed, stood = "", list[Segment](), list[tuple[Standing, ...]]()
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(content), wishes, ticket=ticket, request_id="test", begun=begun)
        async with opening as transcription:
            assert transcription.heard_until == max((segment.end for segment in begun.segments), default=0.0)
            async for event in transcription.events():
                if isinstance(event, SegmentClosed):
                    closed.append(event.segment)
                    stood.append(transcription.standings)
                else:
                    text += event.text
            assert transcription.heard_until == transcription.recording.seconds
    assert transcription.transcript is not None
    return Attempt(text, closed, stood, transcription.transcript)


@pytest.mark.parametrize(
    ("factory", "wishes", "sides"),
    [
        (partial(RecordedTalkRunner, talks={"talk": TALK}), Wishes("talk"), 1),
        (partial(RecordedTalkRunner, talks={"talk": TALK}), Wishes("talk", listening=Listening(split=True)), 2),
        (ChannelRunner, Wishes(BEHIND[0], speakers=KNOWN), 1),
        (ChannelRunner, Wishes(said(*BEHIND), listening=Listening(split=True), speakers=KNOWN), 2),
    ],
    ids=["alone", "channel by channel", "behind a known speaker", "known on every channel"],
)
@pytest.mark.parametrize("stood", [False, True], ids=["all is answered again", "answered on"])
async def test_what_was_told_is_not_told_again_and_nothing_is_missing(
    decoders: DecodePool, factory: RunnerFactory, wishes: Wishes, sides: int, stood: bool
) -> None:
    async with open_room(decoders, factory) as room:
        first = await heard(room, recorded(TALK, channels=sides), wishes)
        whole = first.transcript
        assert len(first.closed) > 2
        for count in range(1, len(first.closed) + 1):
            before = Begun.of(whole.segments[:count], first.stood[count - 1] if stood else ())
            later = await heard(room, recorded(TALK, channels=sides), wishes, before)
            assert [facts(s) for s in later.transcript.segments] == [facts(s) for s in whole.segments]
            assert [facts(s) for s in later.closed] == [facts(s) for s in whole.segments[count:]]
            assert " ".join(s.text for s in whole.segments[:count] if s.is_speech) + later.text == whole.text
            assert later.transcript.usage == whole.usage


@pytest.mark.parametrize("seconds", [600.0, 14.0], ids=["one pass", "windows"])
async def test_the_model_goes_on_as_if_nobody_had_interrupted_it(decoders: DecodePool, seconds: float) -> None:
    """Where it writes a number in another way, or cuts a word otherwise, than whoever would write its answer down."""
    samples, rate = soundfile.read(SAMPLES / "long.flac", dtype="float32", frames=24 * SAMPLE_RATE)
    assert rate == SAMPLE_RATE
    async with open_room(decoders, partial(load_model, ModelWishes("tiny"))) as room:
        room.hear_in(Windowing(seconds))
        first = await heard(room, file_of(samples), Wishes())
        whole = first.transcript
        assert len(whole.segments) > 6
        for count in range(2, len(whole.segments), 3):
            later = await heard(
                room, file_of(samples), Wishes(), Begun.of(whole.segments[:count], first.stood[count - 1])
            )
            assert [replace(s, avg_logprob=None) for s in later.transcript.segments] == [
                replace(s, avg_logprob=None) for s in whole.segments
            ]
            assert later.transcript.usage == whole.usage


def facts(segment: Segment) -> tuple[object, ...]:
    return segment.index, segment.channel, segment.speaker, segment.start, segment.end, segment.text
