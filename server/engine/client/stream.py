"""One stream as its owner sees it: audio in, questions put, answers out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from model.seam.audio import Samples
from model.seam.streams import Question
from server.engine.client.process import CHUNK_SAMPLES, WorkerProcess
from server.engine.errors import EngineError
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CloseStream,
    CropStream,
    FailureCode,
)


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """All of an answer. The text of ``tokens`` follows right behind ``done.forced``."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    done: AnswerDone


class Answer:
    """Made by ``EngineStream.ask``. Iterating gives tokens as they come, and raises EngineError if the stream fails.

    Attributes:
        done: its end and what it cost; None before the end.
    """

    def __init__(self) -> None:
        self.done: AnswerDone | None = None
        self._tokens: deque[AnswerTokens] = deque()
        self._failure: EngineError | None = None
        self._changed = asyncio.Event()

    async def read(self) -> WholeAnswer:
        """Wait for all that is left of it. Raises EngineError."""
        parts = [part async for part in self]
        assert self.done is not None
        return WholeAnswer(
            tuple(token for part in parts for token in part.tokens),
            tuple(logprob for part in parts for logprob in part.logprobs),
            self.done,
        )

    def __aiter__(self) -> AsyncIterator[AnswerTokens]:
        return self

    async def __anext__(self) -> AnswerTokens:
        while not self._tokens:
            if self._failure is not None:
                raise EngineError(self._failure.code, self._failure.message)
            if self.done is not None:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        await asyncio.sleep(0)  # what waits here already is not read in one turn of the event loop
        return self._tokens.popleft()

    def take(self, message: AnswerTokens | AnswerDone) -> None:
        """Its next part, or its end."""
        if isinstance(message, AnswerDone):
            self.done = message
        else:
            self._tokens.append(message)
        self._changed.set()

    def fail(self, error: EngineError) -> None:
        """Its stream failed. Tokens that came before can still be read."""
        self._failure = error
        self._changed.set()


class EngineStream:
    """Made by ``Engine.open``. Async context manager; leaving it closes the stream. One task at a time uses it.

    Attributes:
        number: of the stream in its worker.
        last: its last question was put.
        ended: nothing more can be done with it: it failed, was closed, or has given its last answer.
    """

    def __init__(self, number: int, worker: WorkerProcess, forget: Callable[[int], None]) -> None:
        """``forget`` is called with the number when the worker has nothing more to say of the stream."""
        self.number = number
        self.last = self.ended = False
        self._worker = worker
        self._forget = forget
        self._answer: Answer | None = None  # that is not complete
        self._failure: EngineError | None = None

    async def append(self, samples: Samples) -> None:
        """Send audio ([n], any length) and wait while too much is unread. Raises EngineError once the stream failed."""
        for first in range(0, samples.size, CHUNK_SAMPLES):
            self._raise_failure()
            chunk = samples[first : first + CHUNK_SAMPLES].astype("<f4", copy=False)
            await self._worker.send_audio(AppendAudio(self.number, chunk.tobytes()))
        self._raise_failure()

    def ask(self, question: Question, *, last: bool = False) -> Answer:
        """Put a question about all audio appended so far. One at a time, and no audio before its answer is complete.

        ``last``: the stream ends with this answer and gives back what it holds. Raises EngineError once it failed.
        """
        self._raise_failure()
        if self._answer is not None:
            raise RuntimeError("the last question of this stream is not answered yet")
        if self.ended:
            raise RuntimeError("this stream has ended")
        self._answer, self.last = Answer(), last
        self._worker.send(AskStream(self.number, question, last))
        return self._answer

    async def crop(self) -> None:
        """Take back the question that stands and what was answered; the audio stays. Raises EngineError."""
        if (answer := self._answer) is not None:
            self._worker.send(CropStream(self.number))
            await answer.read()

    def close(self) -> None:
        """End it; an answer that is not complete fails. Harmless when repeated."""
        if not self.ended:
            self._worker.send(CloseStream(self.number))
            if self._answer is not None:
                self._answer.fail(EngineError(FailureCode.INTERNAL, "The stream was closed before its answer's end."))
            self._end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The engine calls these on the event loop.

    def deliver(self, message: AnswerTokens | AnswerDone) -> None:
        """Take the next part of the answer or its end."""
        if (answer := self._answer) is None:
            return
        if isinstance(message, AnswerDone):
            self._answer = None
            if self.last:
                self._end()
        answer.take(message)

    def fail(self, error: EngineError) -> None:
        """Take the end of a stream that cannot go on."""
        self._failure = error
        if self._answer is not None:
            self._answer.fail(error)
        self._end()

    def _end(self) -> None:
        self.ended = True
        self._forget(self.number)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise EngineError(self._failure.code, self._failure.message)
