"""An engine whose streams answer by script, behind the seam that windows see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE, Level, Samples
from model.seam.streams import Question, StreamSpec
from server.engine.client.answer import WholeAnswer
from server.engine.client.engine import Engine
from server.engine.client.source import AudioSource
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError
from server.engine.figures import LoopFigures
from server.engine.messages import AnswerTokens, FailureCode
from server.windows.heard_audio import HeardAudio
from server.windows.speakers import Speakers
from server.windows.window import Window
from tests.support.author import Author
from tests.support.speaking_runner import SpeakingRunner

Reply = Callable[["ScriptedStream"], str]
"""What a stream answers; it may look at what it has heard and was asked."""


class ScriptedStream:
    """Answers in an author's tokens.

    Attributes:
        answers: those to come.
        questions: all that it was asked.
        audio: all that was appended.
        broken: no audio can be appended.
        closed: it was.
    """

    def __init__(self, author: Author, answers: Sequence[str | Reply] = (), *, broken: bool = False) -> None:
        self.author = author
        self.answers = list(answers)
        self.questions: list[Question] = []
        self.audio: Samples = np.zeros(0, np.float32)
        self.broken = broken
        self.closed = False
        self.request_id = "test"
        self.loops = LoopFigures()

    @property
    def seconds(self) -> float:
        return self.audio.size / SAMPLE_RATE

    async def append(self, samples: Samples) -> None:
        assert not self.closed
        if self.broken:
            raise EngineError(FailureCode.INTERNAL, "It is broken.")
        self.audio = np.concatenate([self.audio, samples])

    def ask(self, question: Question, *, last: bool = False) -> ScriptedAnswer:
        assert not self.closed
        self.questions.append(question)
        reply = self.answers.pop(0)
        text = reply if isinstance(reply, str) else reply(self)
        return ScriptedAnswer(self.author.whole_answer(text, prefix=question.prefix))

    def close(self) -> None:
        self.closed = True


class ScriptedAnswer:
    """An answer that is complete."""

    def __init__(self, whole: WholeAnswer) -> None:
        self.done = whole.done
        self._parts = [AnswerTokens(1, whole.tokens, whole.logprobs, whole.done.forced)] if whole.tokens else []

    def __aiter__(self) -> ScriptedAnswer:
        return self

    async def __anext__(self) -> AnswerTokens:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop()


class ScriptedEngine:
    """Opens streams that have these answers, one list after the other.

    Attributes:
        streams: that were opened, with their specs.
        broken: those to come are.
    """

    def __init__(self, author: Author, *answers: Sequence[str | Reply]) -> None:
        self.info = SpeakingRunner().info
        self.streams: list[tuple[ScriptedStream, StreamSpec]] = []
        self.broken = False
        self._author = author
        self._answers = list(answers)

    def open(
        self,
        spec: StreamSpec,
        *,
        request_id: str,
        source: AudioSource | None = None,
        fingerprint: str | None = None,
    ) -> ScriptedStream:
        stream = ScriptedStream(self._author, self._answers.pop(0) if self._answers else (), broken=self.broken)
        self.streams.append((stream, spec))
        return stream

    @property
    def as_engine(self) -> Engine:
        return cast(Engine, self)


def window_of(stream: ScriptedStream, question: Question = Question()) -> Window:  # noqa: B008 - frozen
    """A window around it."""
    vocabulary, numbers = stream.author.vocabulary, Speakers(live=True).numbers(())
    return Window(cast(EngineStream, stream), HeardAudio(), vocabulary, VIBEVOICE_ASR, question, Level(), numbers)
