"""An answer as whoever asked for it hears it: what stands of it comes in order, however many attempts that takes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from time import perf_counter

from model.seam.streams import Question
from server.engine.client.answer import WholeAnswer
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, AnswerTokens, EndReason
from server.hearing.costs import together
from server.hearing.heard import Heard
from server.transcript.detokenizer import Vocabulary
from server.transcript.repeats import LoopFound


class HeardAnswer(ABC):
    """Iterating gives what stands as it comes, and raises EngineError if the stream fails.

    The answer is read whether or not somebody iterates, so that a loop costs no more where a client is slow. Whoever
    gives it up closes the stream.

    Attributes:
        done: the end of the answer, and what all attempts cost together: their time; but of the tokens those that
            stand. None before the end.
        given_up: the answer was closed before its end, with a gap up to the end of the audio.
        first_token_at: ``perf_counter()`` when the first token was there, passed on or not; None before.
    """

    def __init__(
        self, stream: EngineStream, question: Question, vocabulary: Vocabulary, *, last: bool, guard: bool
    ) -> None:
        """See ``hear``."""
        self.done: AnswerDone | None = None
        self.given_up = False
        self.first_token_at: float | None = None
        self._stream = stream
        self._asked = self._question = question
        self._vocabulary = vocabulary
        self._last = last
        self._guard = guard
        self._answer = stream.ask(question, last=last and not guard)
        self._stands = list(question.begun)
        self._prefix: str | None = None  # forced in front of all
        self._spent: AnswerDone | None = None  # on attempts that are over
        self._ready: deque[Heard] = deque()
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._reading = asyncio.create_task(self._read_all(), name="hearing")

    @property
    @abstractmethod
    def loops(self) -> list[LoopFound]:
        """The stretches in which the answer ran in circles, each as far as it is dealt with."""

    @property
    @abstractmethod
    def thrown(self) -> int:
        """Tokens that were written for nothing."""

    def __aiter__(self) -> AsyncIterator[Heard]:
        return self

    async def __anext__(self) -> Heard:
        while not self._ready:
            if self._failure is not None:
                raise self._failure
            if self.done is not None:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._ready.popleft()

    def give_up(self) -> None:
        """Nobody reads it any more: what stands of it, whoever has the stream may take back."""
        self._reading.cancel()

    async def stop(self) -> AnswerDone:
        """End the answer here: its question is taken back. Returns what it cost. Raises EngineError."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        if self.done is None:
            await self._take_back()
            assert self._spent is not None
            self._finish(replace(self._spent, reason=EndReason.STOP))
        assert self.done is not None
        return self.done

    async def read(self) -> WholeAnswer:
        """Wait for all of it. Text that was forced on the way has tokens too, as certain ones. Raises EngineError."""
        tokens: list[int] = []
        logprobs: list[float] = []
        async for heard in self:
            bridge = self._vocabulary.ids(heard.forced) if heard.forced is not self._prefix else []
            tokens += (*bridge, *heard.tokens)
            logprobs += (*([0.0] * len(bridge)), *heard.logprobs)
        assert self.done is not None
        return WholeAnswer(tuple(tokens), tuple(logprobs), self.done)

    async def _read_all(self) -> None:
        try:
            while self.done is None:
                await self._read_on()
        except Exception as error:  # whoever iterates hears of it
            self._failure = error
        finally:
            self._changed.set()

    async def _read_on(self) -> None:
        """Read the next part of the answer, or its end, and do what follows from it."""
        part = await anext(self._answer, None)
        if part is None:
            assert self._answer.done is not None
            self._end(self._answer.done)
            return
        if self.first_token_at is None:
            self.first_token_at = perf_counter()
        await self._take(part)

    @abstractmethod
    async def _take(self, part: AnswerTokens) -> None:
        """The next of the answer is there."""

    @abstractmethod
    def _end(self, done: AnswerDone) -> None:
        """The model has come to its end, or to the limit."""

    def _put(self, heard: Heard) -> None:
        self._ready.append(heard)
        self._changed.set()

    async def _take_back(self) -> None:
        answer = self._answer
        await self._stream.crop()
        assert answer.done is not None
        self._spent = answer.done if self._spent is None else together(self._spent, answer.done)

    def _finish(self, done: AnswerDone) -> None:
        self.done = replace(done, forced=self._prefix or "", answer_tokens=len(self._stands))
        if self._last:
            self._stream.close()
        for loop in self.loops:
            self._stream.loops.count(loop.kind, loop.outcome)
        self._stream.loops.tokens += self.thrown
