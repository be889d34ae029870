"""What a window's stream has heard, and the silence in it: the same in the next worker, to the sample."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import cast

import numpy as np
import pytest

from model.family import Geometry
from model.family.vibevoice_asr.geometry import HOP
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from model.seam.streams import Question, StreamSpec
from server.engine.client.process import WorkerProcess
from server.engine.client.request import Link, StreamRequest
from server.engine.client.source import AudioSource
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, AppendAudio, AskStream, EndReason, ToWorker
from server.windows.block import Block
from server.windows.heard_audio import HeardAudio
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine, ScriptedStream

WHOLE, GROWING = Question(), Question(whole=False)


class Worker:
    """Hears what a worker's model would: with silence filled in where it is asked about the whole."""

    def __init__(self) -> None:
        self.samples: Samples = np.zeros(0, np.float32)
        self.padding = 0
        self.asked: list[tuple[Question, int]] = []

    def send(self, message: ToWorker) -> None:
        if isinstance(message, AskStream):
            if message.question.whole:
                self.padding = -self.samples.size % HOP
            self.asked.append((message.question, self.samples.size))

    async def send_audio(self, message: AppendAudio) -> None:
        silence = np.zeros(self.padding, np.float32)
        self.samples = np.concatenate([self.samples, silence, np.frombuffer(message.samples, "<f4")])
        self.padding = 0

    def connect(self, stream: EngineStream) -> None:
        stream.connect(Link(cast(WorkerProcess, self), 1), asyncio.Semaphore(1))


def opened(source: AudioSource | None) -> EngineStream:
    return EngineStream(StreamRequest(StreamSpec(100), "test", Geometry(24_000, HOP), source), lambda _: None)


async def answered(stream: EngineStream, question: Question) -> None:
    answer = stream.ask(question)
    await asyncio.sleep(0)
    stream.deliver(AnswerDone(1, EndReason.STOP, "", 0, 0, 0, 0.0, 0.0, 0.0))
    await answer.read()


async def replayed(stream: EngineStream, worker: Worker) -> None:
    """The next worker has the stream."""
    stream.disconnect()
    worker.connect(stream)
    await stream.append(np.zeros(0, np.float32))  # waits for it


@pytest.mark.parametrize("asked_again", [False, True], ids=["behind the answer", "before it"])
@pytest.mark.parametrize("kept", [False, True], ids=["the stream's own", "a window's"])
@pytest.mark.parametrize("deaths", [(), (0,), (1,), (2,), (3,), (0, 1, 2, 3)], ids=str)
async def test_silence_that_filled_up_a_frame_is_in_its_place(
    kept: bool, asked_again: bool, deaths: tuple[int, ...]
) -> None:
    """Wherever workers die between the questions: frames and durations are those of a worker that heard it all."""
    random = np.random.default_rng(5)
    pieces = [random.standard_normal(size, dtype=np.float32) for size in (HOP + 7, 5, 2 * HOP - 1, 3 * HOP)]
    questions = deque([WHOLE, WHOLE, GROWING, WHOLE])
    undisturbed, workers = Worker(), [Worker()]
    source = HeardAudio()
    stream = opened(source if kept else None)
    twin = opened(None)
    workers[0].connect(stream)
    undisturbed.connect(twin)
    for number, piece in enumerate(pieces):
        source.add(piece)
        for one in (stream, twin):
            await one.append(piece)
        question = questions.popleft()
        if question.whole:
            source.fill(-sum(workers[-1].samples.shape) % HOP)
        for one in (stream, twin):
            await answered(one, question)
        assert workers[-1].asked[-1] == undisturbed.asked[-1]
        if number in deaths:
            workers.append(Worker())
            await replayed(stream, workers[-1])
            if asked_again:
                await answered(stream, question)
                assert workers[-1].asked[-1] == undisturbed.asked[-1]
    np.testing.assert_array_equal(workers[-1].samples, undisturbed.samples)


async def test_a_window_keeps_what_its_stream_got(author: Author) -> None:
    """With voices in front, gaps, and silence."""
    said = (
        '[{"Start":0,"End":2.9,"Speaker":0,"Content":"Hello there."},'
        '{"Start":2.9,"End":4.5,"Speaker":0,"Content":"How are you?"}]'
    )
    sources: list[AudioSource | None] = []

    class Engine(ScriptedEngine):
        def open(
            self,
            spec: StreamSpec,
            *,
            request_id: str,
            source: AudioSource | None = None,
            fingerprint: str | None = None,
        ) -> ScriptedStream:
            sources.append(source)
            return super().open(spec, request_id=request_id)

    def nothing_more(stream: ScriptedStream) -> str:
        return stream.questions[-1].prefix + "]"

    engine = Engine(author, [said], [nothing_more, nothing_more])
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=8.0, request_id="test")
    sound = np.random.default_rng(1).standard_normal(9 * SAMPLE_RATE, dtype=np.float32) * np.float32(0.1)
    for start in range(0, 8 * SAMPLE_RATE, SAMPLE_RATE):
        await windows.append(Block(start, sound[start : start + SAMPLE_RATE]))
    for segment in await windows.ask():
        windows.close_segment(segment)
    await windows.roll()
    await windows.ask(whole=True)
    await windows.append(Block(8 * SAMPLE_RATE, sound[8 * SAMPLE_RATE :]))
    await windows.ask(whole=True)
    stream, spec = engine.streams[1]
    source = sources[1]
    assert source is not None
    async with aclosing(source.replay()) as blocks:
        again = np.concatenate([block async for block in blocks])
    before = stream.audio.size - SAMPLE_RATE
    assert 0 < again.size - stream.audio.size < HOP
    np.testing.assert_array_equal(again[:before], stream.audio[:before])
    assert not again[before:-SAMPLE_RATE].any()
    np.testing.assert_array_equal(again[-SAMPLE_RATE:], stream.audio[before:])
    assert spec.level != clip_level(again), "it stays what it was when the window was opened"
