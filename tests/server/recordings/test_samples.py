"""The samples of a recording: what the model hears of them, and that they are kept once and not for long."""

from __future__ import annotations

import io
import tracemalloc
import weakref

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Level, Samples, clip_level
from server.audio_in.decode_pool import DecodedAudio, DecodePool
from server.audio_in.decoding import Decoding
from server.audio_in.limits import DecodeLimits
from server.recordings.reading import read_recording
from server.recordings.wishes import KnownSpeaker, Wishes
from tests.server.recordings.conftest import LONGEST, file_of, noise, open_room
from tests.support.speaking_runner import TEXT

LIMITS = DecodeLimits(LONGEST, 60.0)
MINUTES = 15
PASSING = 0.2
"""Of a recording, for what is on its way: chunks that the pipe has not taken, and a few copies of the one it takes."""


async def test_a_recording_alone_leaves_as_it_is(decoders: DecodePool) -> None:
    samples = noise(25.0)
    recording, (heard,) = await read_recording(decoders, io.BytesIO(file_of(samples)), Wishes(), LIMITS)
    assert (heard.length, heard.level, heard.offset) == (samples.size, clip_level(samples), 0.0)
    assert (recording.seconds, recording.channels, heard.channel) == (25.0, None, None)
    np.testing.assert_array_equal(np.concatenate(list(heard.blocks)), samples)


async def test_references_stand_in_front_each_at_its_own_level(decoders: DecodePool) -> None:
    samples, quiet, loud = noise(21.0), noise(2.0, 0.001), noise(3.0, 0.4)
    wishes = Wishes(speakers=(KnownSpeaker("Ada", file_of(quiet)), KnownSpeaker("Bo", file_of(loud))))
    recording, (heard,) = await read_recording(decoders, io.BytesIO(file_of(samples)), wishes, LIMITS)
    gap = np.zeros(SAMPLE_RATE // 2, np.float32)
    expected = [clip_level(part).apply(part) if part is not gap else gap for part in (quiet, gap, loud, gap, samples)]
    np.testing.assert_array_equal(np.concatenate(list(heard.blocks)), np.concatenate(expected))
    assert (heard.level, recording.seconds, heard.offset) == (Level(), 21.0, 6.0)
    assert [(clip.name, clip.start, clip.end) for clip in heard.clips] == [("Ada", 0, 2), ("Bo", 2.5, 5.5)]
    assert heard.length == sum(part.size for part in expected)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Samples]]:
    """All samples that are decoded from now on, none of them kept."""
    found: list[weakref.ref[Samples]] = []
    had = DecodedAudio.of

    def of(decoding: Decoding) -> DecodedAudio:
        audio = had(decoding)
        found.append(weakref.ref(audio.channels[0]))
        return audio

    monkeypatch.setattr(DecodedAudio, "of", of)
    return found


@pytest.mark.parametrize("speakers", [0, 1], ids=["alone", "behind a known speaker"])
async def test_samples_are_there_once_until_the_worker_has_them_and_then_not_at_all(
    speakers: int, decoded: list[weakref.ref[Samples]]
) -> None:
    samples = noise(60.0 * MINUTES)
    size = samples.nbytes
    file = io.BytesIO(file_of(samples))
    del samples
    wishes = Wishes(speakers=(KnownSpeaker("Ada", file_of(noise(2.0))),) * speakers)
    with DecodePool(1) as decoders:
        async with open_room(decoders) as room:
            tracemalloc.start()
            try:
                with room.admit() as ticket:
                    async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
                        assert [ref() is None for ref in decoded] == [False] * (1 + speakers)
                        deltas = 0
                        async for _ in transcription.events():
                            assert not any(kept() is not None for kept in decoded)
                            deltas += 1
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert deltas > 0
    assert transcription.transcript is not None
    assert speakers or transcription.transcript.text == TEXT
    assert peak < (1 + PASSING) * size
