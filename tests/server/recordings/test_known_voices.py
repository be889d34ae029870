"""Whom a segment sounds like, beside the number that the model gave it."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import cast

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.audio_in.listening import Listening
from server.engine.messages import EndReason
from server.recordings.known_voices import Heard, KnownVoices, NamedTranscription
from server.recordings.recording import Recording
from server.recordings.sound import WholeSound
from server.recordings.transcription import Costs, Transcription
from server.recordings.windowed.windowing import Windowing
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Segment, Transcript, Usage
from server.voices.encoder import Likeness, Vector
from tests.server.recordings.conftest import Room, file_of, noise

ADA, BOB, EVE, IAN = 0.1, 0.2, 0.3, 0.4
"""Voices: every sample of theirs is this."""
LEAD = 0.5


class Ears:
    """A VoiceEncoder to which people are as different as can be."""

    likeness = Likeness(same=0.8, different=0.7)

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        return [np.eye(8, dtype=np.float32)[round(10 * float(np.median(clip)))] for clip in clips]

    def close(self) -> None:
        pass


class Model(Transcription):
    """Tells a second of each of ``voices``, with the numbers that the model would have."""

    def __init__(self, numbers: Sequence[int | None], names: Mapping[int, str], seconds: float = 1.0) -> None:
        super().__init__(Recording(len(numbers) * seconds, lead=LEAD), 0.0, 0.0)
        self._names = names
        self._segments = tuple(
            Segment(place, LEAD + place * seconds, LEAD + (place + 1) * seconds, number, f"word {place}")
            for place, number in enumerate(numbers)
        )

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._names

    @property
    def first_token_at(self) -> float | None:
        return None

    def close(self) -> None:
        pass

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        for segment in self._segments:
            yield SegmentClosed(segment)
        self.transcript = Transcript(self._segments, 10.0, speaker_names=self._names)
        self.costs = Costs(0.0, 0.0, Usage(0, 0, 0), EndReason.STOP)


async def heard(
    said: Sequence[float],
    numbers: Sequence[int | None],
    names: Mapping[int, str],
    *,
    clips: Mapping[str, float],
    seconds: float = 1.0,
    ears: Ears | None = None,
) -> list[str | int | None]:
    """By segment the name, or the number where there is none."""
    sound = np.repeat(np.array(said, np.float32), round(seconds * SAMPLE_RATE))
    voices = {name: np.full(2 * SAMPLE_RATE, voice, np.float32) for name, voice in clips.items()}
    known = KnownVoices(ears or Ears(), voices, WholeSound(sound, Level()))
    transcription = NamedTranscription(cast(Heard, Model(numbers, names, seconds)), known)
    told = [event.segment async for event in transcription.events() if isinstance(event, SegmentClosed)]
    assert transcription.transcript is not None
    assert list(transcription.transcript.segments) == told
    assert transcription.transcript.speaker_names == transcription.speaker_names
    assert sorted(transcription.speaker_names.values()) == sorted(clips)
    found = transcription.speaker_names
    return [found.get(s.speaker, s.speaker) if s.speaker is not None else None for s in told]


async def test_who_is_taken_for_another_known_speaker_gets_the_right_name() -> None:
    names = {0: "Ada", 1: "Bob"}
    found = await heard([ADA, BOB, BOB, ADA], [0, 0, 1, 1], names, clips={"Ada": ADA, "Bob": BOB})
    assert found == ["Ada", "Bob", "Bob", "Ada"]


async def test_a_stranger_is_not_called_by_a_known_name() -> None:
    found = await heard([ADA, EVE, IAN, EVE, EVE], [0, 0, 0, 0, 2], {0: "Ada"}, clips={"Ada": ADA})
    assert found[0] == "Ada"
    assert found[1] == found[3] != found[2]
    assert {*found[1:]} & {0, "Ada"} == set()


async def test_a_known_speaker_whose_clip_the_model_lost_is_found() -> None:
    """The model's own numbers stay apart from the one that she gets."""
    found = await heard([EVE, ADA, BOB, IAN], [1, 2, 0, 3], {0: "Bob"}, clips={"Ada": ADA, "Bob": BOB})
    assert found[1:3] == ["Ada", "Bob"]
    assert found[0] != found[3]


async def test_what_is_too_short_to_tell_stays_as_the_model_has_it() -> None:
    names = {0: "Ada", 1: "Bob"}
    found = await heard([BOB, ADA, ADA], [0, 1, None], names, clips={"Ada": ADA, "Bob": BOB}, seconds=0.15)
    assert found == ["Ada", "Bob", None]


class FineEars(Ears):
    """To whom Eve is somewhat like a clip of Ada, but not like Ada in the recording, and Ian somewhat less."""

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        known = {1: (1.0, 0.0, 0.0), 2: (0.9, 0.436, 0.0), 3: (0.7, -0.3, 0.648), 4: (0.62, 0.0, 0.785)}
        return [np.array(known[round(10 * float(np.median(clip)))], np.float32) for clip in clips]


CLIP, ADA_HERE, EVE_HERE, IAN_HERE = 0.1, 0.2, 0.3, 0.4


async def test_who_was_heard_in_the_recording_tells_her_from_somebody_like_her_clip() -> None:
    """As long as nobody was heard, the clip has to do."""
    said, clips = [EVE_HERE, ADA_HERE, EVE_HERE, ADA_HERE], {"Ada": CLIP}
    found = await heard(said, [0, 0, 0, 0], {0: "Ada"}, clips=clips, ears=FineEars())
    assert found == ["Ada", "Ada", 1, "Ada"]


async def test_what_goes_by_a_name_for_long_and_is_never_quite_like_it_loses_it() -> None:
    """One segment may be chance, four are a stranger who is taken for somebody silent."""
    found = await heard([IAN_HERE] * 5, [0] * 5, {0: "Ada"}, clips={"Ada": CLIP}, ears=FineEars())
    assert found == ["Ada", "Ada", 1, 1, 1]


class Pitch(Ears):
    """Tells a deep tone from anything else."""

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        return [np.eye(2, dtype=np.float32)[int(np.abs(np.diff(clip)).mean() > 0.2 * np.std(clip))] for clip in clips]


@pytest.mark.parametrize("channels", [1, 2])
async def test_a_recording_with_known_speakers_is_looked_through(room: Room, channels: int) -> None:
    """The model has both turns wrong. 2.5 s of reference and half a second of silence stand before the recording."""
    seconds = np.arange(5 * SAMPLE_RATE // 2, dtype=np.float32) / SAMPLE_RATE
    deep = (0.2 * np.sin(2 * np.pi * 150 * seconds)).astype(np.float32)
    answer = (
        '[{"Start":0,"End":2.4,"Speaker":0,"Content":"the reference"},'
        '{"Start":3.1,"End":4,"Speaker":1,"Content":"hello"},{"Start":4,"End":5,"Speaker":0,"Content":"there"}]'
    )
    room.hear_in(Windowing(), Pitch())
    sound = np.concatenate([deep[:SAMPLE_RATE], noise(1.0)])
    heard = sound if channels == 1 else np.stack([sound, 0.5 * noise(2.0)], axis=1)
    wishes = Wishes(answer, speakers=(KnownSpeaker("Ada", file_of(deep)),), listening=Listening(split=channels > 1))
    with room.admit() as ticket:
        opening = room.transcription(io.BytesIO(file_of(heard)), wishes, ticket=ticket, request_id="test")
        async with opening as transcription:
            transcript = await transcription.whole()
    found = [transcript.speaker_names.get(s.speaker) for s in transcript.segments if s.speaker is not None]
    assert found == (["Ada", None] if channels == 1 else ["Ada", None, None, None])


async def test_a_number_that_was_given_away_is_not_the_models_any_more() -> None:
    found = await heard([EVE, BOB], [1, 0], {0: "Bob"}, clips={"Ada": ADA, "Bob": BOB}, seconds=0.4)
    assert found == [2, "Bob"]
