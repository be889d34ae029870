"""A session that goes on elsewhere: nothing that was told is told again, and nothing is missing."""

from __future__ import annotations

import asyncio
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
)
from server.live.vocabulary.resumption import Place, Voice, Voices
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.detokenizer import Vocabulary
from tests.server.live.test_transcriber import CHUNK, PACED, Heard, audio_of, errors, feed, live
from tests.support.samples import SHORT, truth

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
                async for event in session:
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


@pytest.mark.parametrize(
    "settings", [PACED, LiveSettings(window=10.0, backlog=2.0)], ids=["one window", "windows that follow each other"]
)
async def test_words_and_speakers_are_those_of_an_undisturbed_session(
    engine: Engine, vocabulary: Vocabulary, settings: LiveSettings
) -> None:
    samples = audio_of("two_speakers.flac")
    undisturbed = await live(engine, vocabulary, samples, settings)
    for lost_at in ([1.6], [4.7], [7.9], [11.1], [1.6, 3.2, 4.7, 6.3, 7.9, 9.5, 11.1]):
        heard = (await talk(engine, vocabulary, samples, lost_at, settings)).heard()
        assert said(heard) == said(undisturbed), lost_at
        stopped = [event.flush for event in heard.events if isinstance(event, SpeechStopped)]
        assert [event.flush for event in heard.events if isinstance(event, Flushed)] == stopped
        assert starts(heard) == pytest.approx(starts(undisturbed))


async def test_what_the_detector_heard_before_comes_again_too(engine: Engine, vocabulary: Vocabulary) -> None:
    """What it makes of speech depends on what it heard: a second more than what the model is to hear."""
    quiet = np.zeros(3 * SAMPLE_RATE, np.float32)
    place = (await talk(engine, vocabulary, np.concatenate([quiet, audio_of("short.flac")]), [])).place
    assert place is not None
    assert place.passed[0][0] / SAMPLE_RATE - place.audio_from == pytest.approx(1.0, abs=0.05)


async def test_audio_that_does_not_come_again_is_lost_and_nothing_behind_it(
    engine: Engine, vocabulary: Vocabulary
) -> None:
    """A page that was loaded anew has the token, and no audio of what was heard before."""
    samples, others = audio_of("short.flac"), audio_of("two_speakers.flac")
    end = samples.size / SAMPLE_RATE
    before = await talk(engine, vocabulary, samples, [])
    assert before.place is not None
    assert before.place.audio_from == 0
    assert before.place.text.fills, "the last frame was filled up, behind audio that does not come"
    reference = (await live(engine, vocabulary, others)).text

    first_turn, second_turn = truth(SHORT)
    between = (first_turn["End"] + second_turn["Start"]) / 2
    for begins in (first_turn["Start"] + 0.2, between, end):
        comes = np.concatenate([samples[round(begins * SAMPLE_RATE) :], others])
        async with make_transcriber(engine, vocabulary, PACED, "test") as session:
            session.set_turns(TurnDetection())
            session.resume(before.place, carried(before.voices), begins, ())
            await feed(session, comes)
            session.finish()
            segments = [event.segment async for event in session if isinstance(event, SegmentCommitted)]
        first = len(before.heard().segments)
        assert [segment.index for segment in segments] == list(range(first, first + len(segments)))
        behind = " ".join(segment.text for segment in segments if segment.start > end - 0.5)
        assert errors(reference, behind) <= 4, f"{begins}: {behind!r}"  # of twenty: each start is heard otherwise


def starts(heard: Heard) -> list[float]:
    return [event.at for event in heard.events if isinstance(event, SpeechStarted)]
