"""A stream whose model runs in circles by script, in an author's tokens, behind the seam that the hearing room sees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from model.seam.audio import Samples
from model.seam.streams import Question
from server.engine.errors import EngineError
from server.engine.figures import LoopFigures
from server.engine.messages import AnswerDone, AnswerTokens, EndReason, FailureCode
from tests.support.author import Author

Model = Callable[[Question, str], str]
"""What follows behind a text, by the question; where that is more than the limit it is cut."""


@dataclass
class LoopingStream:
    """Attributes:
    author: in whose tokens it answers.
    model: what it says.
    size: tokens in a message.
    questions: all that it was asked.
    written: tokens that it gave out.
    """

    author: Author
    model: Model
    size: int = 3
    questions: list[Question] = field(default_factory=list)
    written: int = 0
    closed: bool = False
    request_id: str = "test"
    loops: LoopFigures = field(default_factory=LoopFigures)
    given: int = 0
    standing: ScriptedAnswer | None = None
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, question: Question, *, last: bool = False) -> ScriptedAnswer:
        assert not self.closed
        assert self.standing is None
        self.questions.append(question)
        self.more.set()
        self.given = len(question.begun)
        prompt = self.author.prompt
        prefix = prompt.text(self.author.forced(question.prefix))
        before = prefix + prompt.text(list(question.begun))
        behind = self.author.vocabulary.ids(self.model(question, before))
        self.standing = ScriptedAnswer(self, prefix, behind, question)
        return self.standing

    async def append(self, samples: Samples) -> None:
        """Audio, of which the model takes no notice."""

    async def asked(self, times: int) -> None:
        """Return when it was asked so often."""
        while len(self.questions) < times:
            self.more.clear()
            await self.more.wait()

    async def crop(self) -> None:
        if self.standing is not None:
            self.standing.end(EndReason.CROPPED)
        await asyncio.sleep(0)

    def close(self) -> None:
        self.closed = True
        if self.standing is not None:
            self.standing.failure = EngineError(FailureCode.INTERNAL, "closed")


class ScriptedAnswer:
    """One answer, given out some tokens at a time."""

    def __init__(self, stream: LoopingStream, forced: str, tokens: list[int], question: Question) -> None:
        self.done: AnswerDone | None = None
        self.failure: EngineError | None = None
        self._stream = stream
        self._forced = forced
        self._told = False
        self._left = question.max_tokens - len(question.begun)
        self._tokens = tokens

    def __aiter__(self) -> ScriptedAnswer:
        return self

    async def __anext__(self) -> AnswerTokens:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        count = min(self._stream.size, len(self._tokens), self._left)
        part, self._tokens = tuple(self._tokens[:count]), self._tokens[count:]
        if not part:
            if self.done is None:
                self.end(EndReason.LENGTH if self._tokens else EndReason.STOP)
            raise StopAsyncIteration
        self._left -= count
        self._stream.written += count
        self._stream.given += count
        forced, self._told = "" if self._told else self._forced, True
        return AnswerTokens(1, part, (-0.5,) * count, forced)

    def end(self, reason: EndReason) -> None:
        self.done = AnswerDone(1, reason, self._forced, 100, 75, self._stream.given, 0.0, 0.1, 1.0)
        self._tokens, self._stream.standing = [], None
