"""Recordings and live audio by a model that writes by turns: the small streaming checkpoint, and real speech."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from model.tiny.recipe.scoring import edits, words_of
from server.audio_in.decode_pool import DecodePool
from server.engine.worker.load import ModelWishes, load_model
from server.live.captions.captions import Captions
from server.live.vocabulary.events import LiveEvent, SegmentCommitted, WordsCommitted
from server.recordings.begun import Begun
from server.recordings.errors import UnusableReference
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.segments import Segment, Transcript
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.server.recordings.conftest import Room, file_of, open_room
from tests.support import streaming_twin
from tests.support.samples import ANOTHER_DIALOGUE, DIALOGUE, truth

STRIDE = 2.0
"""Seconds of the checkpoint's windows."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    factory = partial(
        load_model, ModelWishes(str(streaming_twin.folder()), device="cpu", dtype="float32", kv_positions=8192)
    )
    async with open_room(decoders, factory) as opened:
        yield opened


def samples_of(*recordings: Path) -> Samples:
    """One recording behind the other."""
    samples: Samples = np.concatenate([soundfile.read(each, dtype="float32")[0] for each in recordings])
    return samples


def words_in(*recordings: Path) -> list[str]:
    return words_of(" ".join(turn["Content"] for each in recordings for turn in truth(each)))


@pytest.fixture(scope="module")
def talk() -> Samples:
    return samples_of(DIALOGUE, ANOTHER_DIALOGUE)


async def heard(room: Room, samples: Samples, wishes: Wishes = Wishes(), **options: object) -> Transcript:  # noqa: B008
    with room.admit() as ticket:
        async with room.transcription(
            io.BytesIO(file_of(samples)),
            wishes,
            ticket=ticket,
            request_id="test",
            **options,  # type: ignore[arg-type]
        ) as transcription:
            return await transcription.whole()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transcript(room: Room, talk: Samples) -> Transcript:
    return await heard(room, talk, Wishes(logprobs=True))


def facts(segments: tuple[Segment, ...]) -> list[tuple[object, ...]]:
    return [(s.start, s.end, s.speaker, s.text) for s in segments]


async def test_who_said_what(room: Room) -> None:
    transcript = await heard(room, samples_of(DIALOGUE))
    expected = words_in(DIALOGUE)
    assert edits(words_of(transcript.text), expected) <= len(expected) // 5
    assert {segment.speaker for segment in transcript.speech} == {0, 1}
    assert transcript.complete
    assert transcript.usage is not None
    assert transcript.usage.answer_tokens > len(expected)


async def test_times_are_those_of_windows(transcript: Transcript, talk: Samples) -> None:
    """Within a window or two of what is true, in order, and not behind the audio."""
    ends = [segment.end for segment in transcript.segments]
    assert ends == sorted(ends)
    assert ends[-1] <= talk.size / SAMPLE_RATE
    assert transcript.segments[0].start <= STRIDE


async def test_logprobs_are_told(transcript: Transcript) -> None:
    assert len(transcript.logprobs) >= len(transcript.text.split())
    assert all(segment.avg_logprob is not None for segment in transcript.segments)


async def test_a_worker_that_dies_on_the_way_changes_nothing(room: Room, talk: Samples, transcript: Transcript) -> None:
    deaths = room.engine.restarts
    with room.admit() as ticket:
        file = io.BytesIO(file_of(talk))
        async with room.transcription(file, Wishes(), ticket=ticket, request_id="test") as transcription:
            async for _ in transcription.events():
                if room.engine.restarts == deaths and room.engine.worker_pid is not None:
                    os.kill(room.engine.worker_pid, signal.SIGKILL)
    assert transcription.transcript is not None
    assert not transcription.standings[0].answered.tokens, "a later attempt answers all of it again"
    assert room.engine.restarts == deaths + 1
    assert facts(transcription.transcript.segments) == facts(transcript.segments)


async def test_a_recording_that_was_begun_is_not_told_again(room: Room, talk: Samples, transcript: Transcript) -> None:
    """A job that goes on behind its last closed segment."""
    begun = Begun.of(transcript.segments[:1])
    again = await heard(room, talk, begun=begun)
    assert facts(again.segments) == facts(transcript.segments)


async def test_known_speakers_are_refused(room: Room, talk: Samples) -> None:
    wishes = Wishes(speakers=(KnownSpeaker("Ann", file_of(talk[: 3 * SAMPLE_RATE])),))
    with pytest.raises(UnusableReference) as caught:
        await heard(room, talk, wishes)
    assert "writes no times" in caught.value.message


# ------------------------------------------------------------------------------------------------------------- live


def captions_of(room: Room, seconds: float = 60.0) -> Captions:
    windows = WindowSequence(room.engine, room._vocabulary, seconds=seconds, request_id="live")
    return Captions(windows, update=1.0, first_speech=1.0, settle=1.0)


async def listen(captions: Captions, samples: Samples, *, settle_at: tuple[int, ...] = ()) -> list[LiveEvent]:
    """Half a second at a time; everything is committed at some places, and at the end."""
    events: list[LiveEvent] = []
    for start in range(0, samples.size, piece := SAMPLE_RATE // 2):
        block = Block(start, samples[start : start + piece])
        events += await captions.take(block, block.seconds)
        if captions.due:
            events += await captions.update()
        if start in settle_at:
            events += await captions.settle()
    return [*events, *await captions.settle()]


def words(events: list[LiveEvent]) -> list[str]:
    return [word.word for event in events if isinstance(event, WordsCommitted) for word in event.words]


def segments(events: list[LiveEvent]) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, SegmentCommitted)]


async def test_live_says_what_the_file_says(room: Room, talk: Samples, transcript: Transcript) -> None:
    captions = captions_of(room)
    events = await listen(captions, talk)
    assert words(events) == transcript.text.split()
    assert [(s.speaker, s.text) for s in segments(events)] == [(s.speaker, s.text) for s in transcript.segments]
    committed = [place for place, event in enumerate(events) if isinstance(event, WordsCommitted)]
    assert committed[0] < len(events) // 2  # while it is spoken, and not all at the end
    captions.close()


async def test_what_is_settled_stays_and_nothing_is_said_twice(room: Room, talk: Samples) -> None:
    captions = captions_of(room)
    events = await listen(captions, talk, settle_at=(5 * SAMPLE_RATE // 2, 7 * SAMPLE_RATE))
    told = segments(events)
    assert " ".join(segment.text for segment in told).split() == words(events)
    assert all(one.end <= other.start + 1e-6 for one, other in pairwise(told))
    assert len(words(events)) > 10
    captions.close()


async def test_a_full_window_is_followed_by_one_that_knows_who_spoke(room: Room, talk: Samples) -> None:
    captions = captions_of(room, seconds=8.0)
    events = await listen(captions, talk)
    expected = words_in(DIALOGUE, ANOTHER_DIALOGUE)
    assert edits(words_of(" ".join(words(events))), expected) <= len(expected) // 2
    captions.close()


async def test_a_session_goes_on_elsewhere(room: Room, talk: Samples) -> None:
    """Another process hears the same audio again, and says what comes behind what was told."""
    half = 6 * SAMPLE_RATE
    first = captions_of(room)
    before = await listen(first, talk[:half])
    place, voices = first.place(), first.voices
    whole = [*before, *await _on(first, talk, half)]
    first.close()
    second = captions_of(room)
    second.resume(place, voices)
    for start, end in place.heard:
        await second.take(Block(start, talk[start:end]), 0.0)
    after = await _on(second, talk, half)
    assert words([*before, *after]) == words(whole)
    second.close()


async def _on(captions: Captions, talk: Samples, start: int) -> list[LiveEvent]:
    events: list[LiveEvent] = []
    for at in range(start, talk.size, SAMPLE_RATE):
        block = Block(at, talk[at : at + SAMPLE_RATE])
        events += await captions.take(block, block.seconds)
        if captions.due:
            events += await captions.update()
    return [*events, *await captions.settle()]
