"""One stream as its request sees it: audio in, answer tokens out, one end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from model.seam.audio import FRAME_RATE
from model.seam.steps import Question, Samples
from server.engine.client.process import CHUNK_SAMPLES, WorkerProcess
from server.engine.errors import EngineError
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CancelStream,
    EndReason,
    FailureCode,
    FinishAudio,
    StreamDone,
)


class EngineStream:
    """Made by ``Engine.open``. Async context manager; leaving it cancels what has not ended.

    Iterating gives the answer's tokens as they come, and ends after StreamDone or raises EngineError. One task may
    iterate while another appends.

    Attributes:
        done: the end of a stream that went well, None before it and for one that failed.
    """

    def __init__(self, number: int, worker: WorkerProcess) -> None:
        self.number = number
        self.done: StreamDone | None = None
        self._worker = worker
        self._messages: deque[AnswerTokens | AnswerDone] = deque()
        self._failure: EngineError | None = None
        self._changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        return self.done is not None or self._failure is not None

    async def append(self, samples: Samples) -> None:
        """Send audio ([n], any length) and wait while too much is unread. Raises EngineError once the stream failed."""
        for first in range(0, samples.size, CHUNK_SAMPLES):
            self._raise_failure()
            chunk = samples[first : first + CHUNK_SAMPLES].astype("<f4", copy=False)
            await self._worker.send_audio(AppendAudio(self.number, chunk.tobytes()))
        self._raise_failure()

    async def finish(self) -> None:
        """Say that all audio was appended: the answer begins. Raises EngineError once the stream failed."""
        self._raise_failure()
        self._worker.send(FinishAudio(self.number))

    def __aiter__(self) -> AsyncIterator[AnswerTokens]:
        return self

    async def __anext__(self) -> AnswerTokens:
        message = await self._next()
        if message is None:
            raise StopAsyncIteration
        assert isinstance(message, AnswerTokens)  # only live streams get anything else
        return message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ended:
            self._worker.send(CancelStream(self.number))

    # The engine calls these on the event loop.

    def deliver(self, message: AnswerTokens | AnswerDone | StreamDone) -> None:
        """Take the next part of the answer or its end."""
        if isinstance(message, StreamDone):
            self.done = message
        else:
            self._messages.append(message)
        self._changed.set()

    def fail(self, error: EngineError) -> None:
        """Take the end of a stream that could not be answered. Tokens that came before can still be read."""
        self._failure = error
        self._changed.set()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise EngineError(self._failure.code, self._failure.message)

    async def _next(self) -> AnswerTokens | AnswerDone | None:
        """The next message; None after the end."""
        while not self._messages:
            self._raise_failure()
            if self.done is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What a live stream says about the audio it has.

    ``cut``: at the length limit. ``heard``: seconds of audio, whole frames only. ``forced``: text that the answer was
    made to begin with; that of ``tokens`` follows right behind it.
    """

    tokens: tuple[int, ...]
    cut: bool
    heard: float
    forced: str = ""


class LiveStream(EngineStream):
    """Made by ``Engine.open_live``: audio is appended and asked about in turns, by one task."""

    async def ask(self, question: Question) -> LiveAnswer:
        """Wait for the answer to all audio appended so far. Raises EngineError once the stream failed."""
        self._worker.send(AskStream(self.number, question))
        tokens: list[int] = []
        while (message := await self._next()) is not None:
            if isinstance(message, AnswerDone):
                cut, heard = message.reason is EndReason.LENGTH, message.heard / FRAME_RATE
                return LiveAnswer(tuple(tokens), cut, heard, message.forced)
            tokens += message.tokens
        raise EngineError(FailureCode.INTERNAL, "The stream ended before its answer.")
