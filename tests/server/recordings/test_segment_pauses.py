"""Words of a recording stand between the pauses that are heard in it, however it is heard."""

from __future__ import annotations

import io
from contextlib import aclosing

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.audio_in.listening import Listening
from server.jobs.writing import KeptSegment, read_segment, write_segment
from server.recordings.recordings import Recordings
from server.recordings.segment_pauses import SegmentPauses
from server.recordings.sound import WholeSound
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment
from server.transcript.words import segment_words
from tests.server.recordings.conftest import Room, file_of, noise

PAUSE = (0.4, 0.8)


def paused() -> Samples:
    samples = noise(3.0)
    samples[round(PAUSE[0] * SAMPLE_RATE) : round(PAUSE[1] * SAMPLE_RATE)] *= 0.001
    return samples


async def segments_of(
    room: Recordings, wishes: Wishes, content: bytes | None = None
) -> tuple[list[Segment], list[Segment]]:
    """As they are told, and as they stand in the transcript."""
    with room.admit() as ticket:
        file = io.BytesIO(content or file_of(paused()))
        async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
            async with aclosing(transcription.events()) as events:
                told = [event.segment async for event in events if isinstance(event, SegmentClosed)]
            assert transcription.transcript is not None
            return told, list(transcription.transcript.segments)


async def test_words_stand_between_pauses(room: Room) -> None:
    told, segments = await segments_of(room, Wishes())
    assert told == segments
    assert [len(segment.pauses) for segment in segments] == [1, 0, 0, 0]
    assert segments[0].pauses[0] == pytest.approx(PAUSE, abs=0.021)
    words = segment_words(segments[0])
    assert [word.word for word in words] == ["Good", "morning,", "Ms.", "Grün."]
    assert all(word.end <= PAUSE[0] + 0.021 or word.start >= PAUSE[1] - 0.021 for word in words)
    assert read_segment(write_segment(KeptSegment(segments[0]))) == KeptSegment(segments[0])


async def test_pauses_are_where_they_are_behind_clips(room: Room) -> None:
    clip = KnownSpeaker("Ada", file_of(noise(2.5)))
    _, segments = await segments_of(room, Wishes(speakers=(clip,)))
    assert all(pause == pytest.approx(PAUSE, abs=0.041) for segment in segments for pause in segment.pauses)


async def test_channels_have_pauses_of_their_own(room: Room) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.stack([noise(3.0)[::-1], paused()], 1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
    told, segments = await segments_of(room, Wishes(listening=Listening(split=True)), file.getvalue())
    assert told == segments
    assert {segment.channel for segment in segments if segment.pauses} == {1}
    (pauses,) = (segment.pauses for segment in segments if segment.pauses)
    assert pauses[0] == pytest.approx(PAUSE, abs=0.021)


def test_windows_that_overlap_are_listened_to_on_the_clock_of_the_segments() -> None:
    """Of which the sound begins later than the container; what no window took is not known."""
    lead = 0.3
    pauses = SegmentPauses()
    sound = pauses.overheard(WholeSound(paused(), Level()), lead)
    for start, end in ((0.9, 2.0), (-0.5, 1.1)):
        sound.stretch(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
    heard = pauses.add_to(Segment(0, lead, lead + 1.9, 0, "Good morning."))
    assert heard.pauses[0] == pytest.approx((PAUSE[0] + lead, PAUSE[1] + lead), abs=0.021)
    assert len(heard.pauses) == 1
    assert pauses.add_to(Segment(1, lead + 0.1, lead + 2.9, 0, "Good morning.")).pauses == ()
