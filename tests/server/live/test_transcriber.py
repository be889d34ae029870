"""Live sessions over the real engine with the bundled checkpoint and real speech."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from model.seam.streams import Question, StreamSpec
from model.tiny.recipe.scoring import edits, words_of
from server.engine.client.engine import Engine
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.live.live_transcriber import LiveTranscriber, make_transcriber
from server.live.settings import LiveSettings
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    SegmentCommitted,
    SessionEvent,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.transcript.words import segment_words
from tests.server.engine.conftest import eventually
from tests.support.samples import SAMPLES, TWO_SPEAKERS, truth

pytestmark = pytest.mark.asyncio(loop_scope="module")

PACED = LiveSettings(backlog=2.0)
"""So little may wait that feeding at once is like feeding at the speed of the engine: updates come all the time."""
ASKED = FlushId(Asker.PROTOCOL, 7)
CHUNK = SAMPLE_RATE // 10


def audio_of(name: str) -> Samples:
    samples: Samples = soundfile.read(SAMPLES / name, dtype="float32")[0]
    return samples


@dataclass
class Heard:
    """The events of a session, checked for what must hold in every one of them."""

    events: list[SessionEvent] = field(default_factory=list)
    words: dict[int, list[str]] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)

    def take(self, event: SessionEvent) -> None:
        self.events.append(event)
        if isinstance(event, WordsCommitted):
            assert event.segment == len(self.segments), "words of a segment that is closed or not yet next"
            self.words.setdefault(event.segment, []).append(event.lead + event.text)
        if isinstance(event, SegmentCommitted):
            assert event.segment.index == len(self.segments)
            assert event.segment.text == "".join(self.words[event.segment.index]).removeprefix(" ")
            self.segments.append(event.segment)

    def of(self, kind: type[SessionEvent]) -> list[SessionEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


async def listen(transcriber: LiveTranscriber) -> Heard:
    heard = Heard()
    async for event in transcriber:
        heard.take(event)
    return heard


async def feed(transcriber: LiveTranscriber, samples: Samples) -> None:
    for first in range(0, samples.size, CHUNK):
        await transcriber.hear(samples[first : first + CHUNK])


async def live(engine: Engine, vocabulary: Vocabulary, samples: Samples, settings: LiveSettings = PACED) -> Heard:
    async with make_transcriber(engine, vocabulary, settings, "test") as session:
        session.set_turns(TurnDetection())
        listening = asyncio.create_task(listen(session))
        await feed(session, samples)
        session.finish()
        heard = await listening
    assert heard.events[-1] == Finished(samples.size / SAMPLE_RATE)
    assert "".join(heard.words[len(heard.segments) - 1]), "a segment was left open"
    return heard


async def whole(engine: Engine, vocabulary: Vocabulary, samples: Samples) -> str:
    """What the file path answers."""
    assembler = TranscriptAssembler(vocabulary, samples.size / SAMPLE_RATE)
    question = Question(max_tokens=1024)
    spec = StreamSpec(GEOMETRY.frames(samples.size), question, clip_level(samples))
    async with engine.open(spec, request_id="whole") as stream:
        await stream.append(samples)
        answer = await stream.ask(question, last=True).read()
    assembler.feed(answer.tokens, answer.logprobs)
    return assembler.finish()[1].text


def errors(reference: str, text: str) -> int:
    return edits(words_of(reference), words_of(text))


async def test_what_was_said_comes_while_it_is_said(engine: Engine, vocabulary: Vocabulary) -> None:
    samples = audio_of(TWO_SPEAKERS.name)
    heard = await live(engine, vocabulary, samples)
    expected = [turn for turn in truth(TWO_SPEAKERS) if "Speaker" in turn]
    reference = " ".join(turn["Content"] for turn in expected)
    assert errors(reference, heard.text) <= 0.15 * len(reference.split())
    assert len({segment.speaker for segment in heard.segments}) == 2
    assert all(segment.avg_logprob is not None and -2 < segment.avg_logprob < 0 for segment in heard.segments)
    committed = [word for event in heard.events if isinstance(event, WordsCommitted) for word in event.words]
    for words in (committed, [word for segment in heard.segments for word in segment_words(segment)]):
        assert len({word.logprob for word in words}) > len(heard.segments), "each word has its own"
    for turn in expected:
        assert min(abs(segment.start - turn["Start"]) for segment in heard.segments) < 0.5
    first_words = heard.events.index(heard.of(WordsCommitted)[0])
    heard_by_then = [event.until for event in heard.events[:first_words] if isinstance(event, AudioHeard)]
    assert heard_by_then[-1] < samples.size / SAMPLE_RATE / 2
    assert any(event.segments for event in heard.of(Hypothesis) if isinstance(event, Hypothesis))


async def test_turns_are_flushed_in_order(engine: Engine, vocabulary: Vocabulary) -> None:
    heard = await live(engine, vocabulary, audio_of(TWO_SPEAKERS.name))
    stopped = [(event.at, event.flush) for event in heard.events if isinstance(event, SpeechStopped)]
    flushed = [(event.until, event.flush) for event in heard.events if isinstance(event, Flushed)]
    assert stopped
    assert len({flush for _, flush in stopped}) == len(stopped)
    assert flushed == stopped
    assert len(heard.of(SpeechStarted)) in (len(stopped), len(stopped) + 1)


@pytest.mark.parametrize("window", [30.0, 15.0])
async def test_live_is_hardly_worse_than_the_whole_file(engine: Engine, vocabulary: Vocabulary, window: float) -> None:
    """The bar: at most 2 % more word errors, also where windows roll; most speakers stay who they are."""
    samples = audio_of("long.flac")
    turns = [turn for turn in truth(SAMPLES / "long.flac") if "Speaker" in turn]
    reference = " ".join(turn["Content"] for turn in turns)
    heard = await live(engine, vocabulary, samples, LiveSettings(window=window, backlog=2.0))
    file = await whole(engine, vocabulary, samples)
    assert errors(reference, heard.text) <= errors(reference, file) + 0.02 * len(reference.split())
    right = sum(
        any(abs(s.start - turn["Start"]) < 0.6 and s.speaker == turn["Speaker"] for s in heard.segments)
        for turn in turns
    )
    # The tiny checkpoint mistakes a speaker now and then, more often behind voices put in front of a window.
    assert right >= 0.7 * len(turns)


async def test_a_crowd_hears_what_each_would_alone(engine: Engine, vocabulary: Vocabulary) -> None:
    samples = [audio_of(name) for name in ("short.flac", "two_speakers.flac")] * 3
    crowd = await asyncio.gather(*(live(engine, vocabulary, one) for one in samples))
    for heard, one in zip(crowd, samples, strict=True):
        file = await whole(engine, vocabulary, one)
        assert errors(file, heard.text) <= max(1, 0.15 * len(file.split()))
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


async def test_silence_costs_nothing(lone_engine: Engine, vocabulary: Vocabulary) -> None:
    noise = np.random.default_rng(0).normal(0, 0.001, 20 * SAMPLE_RATE).astype(np.float32)
    async with make_transcriber(lone_engine, vocabulary, PACED, "test") as session:
        await feed(session, noise)
        session.flush(ASKED)
        session.finish()
        heard = await listen(session)
    assert [event for event in heard.events if not isinstance(event, AudioHeard)] == [
        Flushed(20.0, ASKED),
        Finished(20.0),
    ]
    assert lone_engine.stats is None or lone_engine.stats.done.steps == 0


async def test_after_a_long_silence_the_pages_are_given_back(engine: Engine, vocabulary: Vocabulary) -> None:
    samples = audio_of("short.flac")
    before = engine.stats.done.steps if engine.stats is not None else 0
    async with make_transcriber(engine, vocabulary, LiveSettings(backlog=2.0, release=3.0), "test") as session:
        listening = asyncio.create_task(listen(session))
        await feed(session, np.concatenate([samples, np.zeros(5 * SAMPLE_RATE, np.float32)]))
        await eventually(
            lambda: engine.stats is not None and engine.stats.done.steps > before and engine.stats.pages_used == 0
        )
        await feed(session, samples)
        session.finish()
        heard = await listening
    again = [segment.text for segment in heard.segments if segment.start > samples.size / SAMPLE_RATE + 4]
    assert errors(await whole(engine, vocabulary, samples), " ".join(again)) <= 1


async def test_discarded_audio_does_not_come_back(engine: Engine, vocabulary: Vocabulary) -> None:
    short, two = audio_of("short.flac"), audio_of("two_speakers.flac")
    async with make_transcriber(engine, vocabulary, LiveSettings(first_speech=60, silence=60), "test") as session:
        listening = asyncio.create_task(listen(session))
        await feed(session, two)
        session.discard()
        await feed(session, short)
        session.finish()
        heard = await listening
    assert errors(await whole(engine, vocabulary, short), heard.text) <= 1
    assert heard.segments[0].start > two.size / SAMPLE_RATE


async def test_a_session_outlives_its_worker(engine: Engine, vocabulary: Vocabulary) -> None:
    """It dies in the middle of a window, and before the next one is opened: no word, number or time moves."""
    samples = np.concatenate([audio_of("two_speakers.flac"), np.zeros(2 * SAMPLE_RATE, np.float32)])
    settings = LiveSettings(backlog=2.0, window=10.0)
    undisturbed, restarts = await live(engine, vocabulary, samples, settings), engine.restarts
    async with make_transcriber(engine, vocabulary, settings, "test") as session:
        session.set_turns(TurnDetection())
        listening = asyncio.create_task(listen(session))
        await feed(session, samples[: 6 * SAMPLE_RATE])
        assert engine.worker_pid is not None
        os.kill(engine.worker_pid, signal.SIGKILL)
        await feed(session, samples[6 * SAMPLE_RATE :])
        session.finish()
        heard = await listening
    assert engine.restarts == restarts + 1
    assert heard.text == undisturbed.text
    for segment, before in zip(heard.segments, undisturbed.segments, strict=True):
        assert (segment.speaker, segment.text) == (before.speaker, before.text)
        assert (segment.start, segment.end) == pytest.approx((before.start, before.end), abs=0.3)


async def test_a_session_ends_where_no_worker_can_be_had(lone_engine: Engine, vocabulary: Vocabulary) -> None:
    async with make_transcriber(lone_engine, vocabulary, PACED, "test") as session:
        listening = asyncio.create_task(listen(session))
        await feed(session, audio_of("short.flac"))
        await lone_engine.close()
        with pytest.raises(EngineError) as caught:
            await feed(session, np.tile(audio_of("two_speakers.flac"), 20))
        assert caught.value.code is FailureCode.SHUTTING_DOWN
        with pytest.raises(EngineError):
            await listening


async def test_a_slow_engine_slows_the_sender(engine: Engine, vocabulary: Vocabulary) -> None:
    samples = audio_of("two_speakers.flac")
    async with make_transcriber(engine, vocabulary, PACED, "test") as session:
        listening = asyncio.create_task(listen(session))
        assert engine.worker_pid is not None
        os.kill(engine.worker_pid, signal.SIGSTOP)
        feeding = asyncio.create_task(feed(session, samples))
        try:
            await eventually(lambda: session.backlog > PACED.backlog)
            assert not feeding.done()
        finally:
            os.kill(engine.worker_pid, signal.SIGCONT)
        await feeding
        session.finish()
        heard = await listening
    assert heard.segments


async def test_leaving_a_session_leaves_nothing(engine: Engine, vocabulary: Vocabulary) -> None:
    before = asyncio.all_tasks()
    async with make_transcriber(engine, vocabulary, PACED, "test") as session:
        await feed(session, audio_of("short.flac"))
    assert asyncio.all_tasks() == before
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)
    with suppress(EngineError):
        session.flush(ASKED)


async def test_chunks_of_any_size_are_the_same_audio(engine: Engine, vocabulary: Vocabulary) -> None:
    samples = audio_of("short.flac")
    texts = []
    for cuts in ([samples.size], [1, 777, 50_001, 50_002], list(range(500, samples.size, 7919))):
        async with make_transcriber(engine, vocabulary, LiveSettings(), "test") as session:
            for piece in split(samples, cuts):
                await session.hear(piece)
            session.finish()
            texts.append((await listen(session)).text)
    assert texts[0] == texts[1] == texts[2] == await whole(engine, vocabulary, samples)


def split(samples: Samples, cuts: Sequence[int]) -> list[Samples]:
    return np.split(samples, [cut for cut in cuts if cut < samples.size])
