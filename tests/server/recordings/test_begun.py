"""A recording that an earlier attempt told a part of: the rest is told, and the transcript is the same."""

from __future__ import annotations

import io
from functools import partial

import pytest

from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.worker.load import RunnerFactory
from server.recordings.begun import Begun
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.segments import Segment, Transcript
from tests.server.recordings.conftest import Room, file_of, noise, open_room
from tests.support.channel_runner import ChannelRunner, said, written
from tests.support.listening_runner import Said
from tests.support.recorded_talk import RecordedTalkRunner, recorded

TALK = [Said(0, "Good morning."), Said(1, "Morning, how are you?"), Said(0, "Quite well."), Said(2, "[Music]")]
KNOWN = (KnownSpeaker("Ada", file_of(noise(2.5))),)
BEHIND = [
    written((0, 2.4, 0, "the reference"), (3, 4, 1, "Hello?"), (5, 6, 0, "Yes."), (6, 7, 1, "Fine.")),
    written((0, 2.4, 0, "the reference"), (4, 5, 1, "Hello!")),
]
"""What is answered about channels with the known speaker's clip in front."""


async def heard(
    room: Room, content: bytes, wishes: Wishes, begun: tuple[Segment, ...] = ()
) -> tuple[str, list[Segment], Transcript]:
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(content), wishes, ticket=ticket, request_id="test", begun=Begun(begun))
        async with opening as transcription:
            assert transcription.heard_until == max((segment.end for segment in begun), default=0.0)
            events = [event async for event in transcription.events()]
            assert transcription.heard_until == transcription.recording.seconds
    assert transcription.transcript is not None
    told = "".join(event.text for event in events if isinstance(event, SpeechDelta))
    return told, [event.segment for event in events if isinstance(event, SegmentClosed)], transcription.transcript


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
async def test_what_was_told_is_not_told_again_and_nothing_is_missing(
    decoders: DecodePool, factory: RunnerFactory, wishes: Wishes, sides: int
) -> None:
    async with open_room(decoders, factory) as room:
        _, closed, whole = await heard(room, recorded(TALK, channels=sides), wishes)
        assert len(closed) > 2
        for count in range(1, len(closed) + 1):
            told, rest, transcript = await heard(room, recorded(TALK, channels=sides), wishes, whole.segments[:count])
            assert [facts(s) for s in transcript.segments] == [facts(s) for s in whole.segments]
            assert [facts(s) for s in rest] == [facts(s) for s in whole.segments[count:]]
            before = " ".join(s.text for s in whole.segments[:count] if s.is_speech)
            assert before + told == whole.text


def facts(segment: Segment) -> tuple[object, ...]:
    return segment.index, segment.channel, segment.speaker, segment.start, segment.end, segment.text
