"""A session that goes on elsewhere: nothing that was told is told again, and nothing is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.opus import decoded, encoded
from server.engine.client.engine import Engine
from server.live.live_transcriber import make_transcriber
from server.live.settings import LiveSettings
from server.live.vocabulary.events import (
    Checkpoint,
    Flushed,
    LiveEvent,
    SegmentCommitted,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.resumption import Place, Voice, Voices
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.detokenizer import Vocabulary
from tests.server.live.test_transcriber import CHUNK, PACED, Heard, audio_of, live


@dataclass
class Told:
    """What the client of a session knows: what was told until the last checkpoint that it got."""

    events: list[LiveEvent] = field(default_factory=list)
    place: Place | None = None
    voices: Voices = ()
    _new: list[LiveEvent] = field(default_factory=list)

    def take(self, event: LiveEvent | Checkpoint) -> None:
        if isinstance(event, Checkpoint):
            self.events += self._new
            self._new.clear()
            self.place, self.voices = event.place, event.voices
        else:
            self._new.append(event)

    def lose(self) -> None:
        """The connection is gone, and what came behind the last checkpoint with it."""
        self._new.clear()

    def heard(self) -> Heard:
        """Checked as the events of one session."""
        heard = Heard()
        for event in [*self.events, *self._new]:
            heard.take(event)
        return heard


def carried(voices: Voices) -> Voices:
    """As a token carries them."""
    return tuple(
        Voice(one.speaker, one.text, one.start, decoded(encoded(one.samples), one.samples.size)) for one in voices
    )


async def talk(
    engine: Engine, vocabulary: Vocabulary, samples: Samples, lost_at: list[float], settings: LiveSettings = PACED
) -> Told:
    """The session of a client that loses its connection when so many seconds were heard, again and again."""
    told, at = Told(), 0.0
    for end in [*lost_at, None]:
        async with make_transcriber(engine, vocabulary, settings, "test") as session:
            session.set_resumable()
            session.set_turns(TurnDetection())
            if told.place is not None:
                at = told.place.audio_from
                session.resume(told.place, carried(told.voices), at, ())

            async def listen() -> None:
                async for event in session:  # noqa: B023 - awaited inside of the loop
                    told.take(event)

            listening = asyncio.create_task(listen())
            first, last = round(at * SAMPLE_RATE), samples.size if end is None else round(end * SAMPLE_RATE)
            for start in range(first, last, CHUNK):
                await session.hear(samples[start : min(start + CHUNK, last)])
            if end is None:
                session.finish()
                await listening
            else:
                listening.cancel()
                told.lose()
    return told


def said(heard: Heard) -> list[tuple[int | None, str]]:
    return [(segment.speaker, segment.text) for segment in heard.segments]


@pytest.mark.parametrize("lost_at", [[3.0], [5.5], [8.2], [11.0], [2.0, 4.0, 6.0, 8.0, 10.0]])
async def test_words_and_speakers_are_those_of_an_undisturbed_session(
    engine: Engine, vocabulary: Vocabulary, lost_at: list[float]
) -> None:
    samples = audio_of("two_speakers.flac")
    undisturbed = await live(engine, vocabulary, samples)
    heard = (await talk(engine, vocabulary, samples, lost_at)).heard()
    print(said(undisturbed), said(heard), sep="\n")
    assert said(heard) == said(undisturbed)
    stopped = [event.flush for event in heard.events if isinstance(event, SpeechStopped)]
    assert [event.flush for event in heard.events if isinstance(event, Flushed)] == stopped
    assert [(e.at) for e in heard.events if isinstance(e, SpeechStarted)] == pytest.approx(
        [e.at for e in undisturbed.events if isinstance(e, SpeechStarted)], abs=0.1
    )
