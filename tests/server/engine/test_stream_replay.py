"""A stream over workers that die at any moment: each of them hears what it needs to go on, and nothing twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.family import Geometry
from model.seam.streams import Question, StreamSpec
from server.engine.client.process import WorkerProcess
from server.engine.client.request import Link, StreamRequest
from server.engine.client.stream import EngineStream
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CloseStream,
    CropStream,
    EndReason,
    OpenStream,
    ToWorker,
)

SPEC = StreamSpec(1000)


def answer_to(audio: float, question: Question) -> list[int]:
    """Another one for any other audio or question."""
    return [round(audio) * 100 + question.seed * 10 + place for place in range(question.seed)]


@dataclass
class Worker:
    """What a worker has heard of the stream, and what it would answer. ``stuck``: it does not take audio."""

    number: int
    audio: list[float] = field(default_factory=list)
    asked: AskStream | None = None
    given: int = 0
    opened: bool = False
    room: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, message: ToWorker) -> None:
        match message:
            case OpenStream(number):
                assert not self.opened
                assert number == self.number
                self.opened = True
            case AskStream(_, question):
                assert self.asked is None
                expected = answer_to(sum(self.audio), question)
                assert list(question.begun) == expected[: len(question.begun)], "it was never given"
                self.asked, self.given = message, len(question.begun)
            case CropStream():
                pass
            case CloseStream():
                self.asked = None

    async def send_audio(self, message: AppendAudio) -> None:
        await self.room.wait()
        if message.stream == self.number:
            assert self.asked is None, "audio while a question stands"
            self.audio += np.frombuffer(message.samples, "<f4").tolist()

    def work(self, tokens: int) -> list[AnswerTokens | AnswerDone]:
        """The next tokens of its answer, and the end behind the last."""
        if self.asked is None:
            return []
        answer = answer_to(sum(self.audio), self.asked.question)
        part = tuple(answer[self.given : self.given + tokens])
        self.given += len(part)
        told: list[AnswerTokens | AnswerDone] = [AnswerTokens(self.number, part, (0.0,) * len(part))] if part else []
        if self.given == len(answer):
            told.append(AnswerDone(self.number, EndReason.STOP, "", 1, 1, self.given, 0.0, 0.0, 0.0))
            self.asked = None
        return told


class World:
    """One stream, its owner's program, and the workers."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self.stream = EngineStream(StreamRequest(SPEC, "test", Geometry(24_000, 3)), lambda stream: None)
        self.turns = asyncio.Semaphore(1)
        self.connect()

    @property
    def worker(self) -> Worker:
        return self.workers[-1]

    def connect(self) -> None:
        self.workers.append(Worker(len(self.workers) + 1))
        self.stream.connect(Link(cast(WorkerProcess, self.worker), self.worker.number), self.turns)

    def die(self) -> None:
        """Whoever waits for room hears nothing more of it."""
        self.stream.disconnect()
        self.worker.room.set()
        self.worker.number = -1
        self.connect()

    def work(self, tokens: int) -> None:
        self.worker.room.set()
        for message in self.worker.work(tokens):
            self.stream.deliver(message)


async def owner(stream: EngineStream, rounds: list[tuple[int, int, bool]]) -> None:
    heard = 0.0
    for number, (blocks, tokens, crop) in enumerate(rounds, start=1):
        for _ in range(blocks):
            heard += 1.0
            await stream.append(np.ones(1, np.float32))
        question = Question(seed=tokens)
        answer = stream.ask(question, last=number == len(rounds) and not crop)
        if crop:
            await asyncio.sleep(0)
            await stream.crop()
            assert answer.done is not None
        else:
            assert list((await answer.read()).tokens) == answer_to(heard, question)
            assert answer.done is not None
            assert answer.done.answer_tokens == tokens


MOMENTS = st.lists(st.one_of(st.just("die"), st.just("pass"), st.integers(0, 4)), min_size=1, max_size=60)
ROUNDS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.booleans()), min_size=1, max_size=4)


@example(rounds=[(2, 1, False)], moments=["die", "die", 1, "die", 1, "die"])  # gone before who waited for it hears
@settings(max_examples=150, deadline=None)
@given(rounds=ROUNDS, moments=MOMENTS)
def test_at_whatever_moment_workers_die_the_answers_are_the_same(
    rounds: list[tuple[int, int, bool]], moments: list[str | int]
) -> None:
    async def story() -> None:
        world = World()
        telling = asyncio.create_task(owner(world.stream, rounds))
        for moment in moments:
            if moment == "die":
                world.die()
            elif isinstance(moment, int):
                world.work(moment)
            await asyncio.sleep(0)
        for _ in range(400):  # from now on nobody dies
            if telling.done():
                break
            world.work(1)
            await asyncio.sleep(0)
        await asyncio.wait_for(telling, 1)

    asyncio.run(story())
