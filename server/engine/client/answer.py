"""The answer to a question as whoever put it reads it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from server.engine.errors import EngineError
from server.engine.messages import AnswerDone, AnswerTokens


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
