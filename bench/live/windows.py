"""Two ways to update a live window: to extend what the device has, as the server does, and to begin again.

Both hear the same audio in the same windows under the same rules for what is final. ``RedoingEngine`` and
``RedoneWindows`` belong together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic

import numpy as np

from model.seam.audio import Samples
from model.seam.streams import Question, StreamSpec
from server.engine.client.answer import Answer
from server.engine.client.engine import Engine
from server.engine.client.shelf import Place
from server.engine.client.source import AudioSource
from server.engine.client.stream import EngineStream
from server.engine.figures import LoopFigures
from server.engine.messages import AnswerTokens
from server.live.settings import LiveSettings
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.windows.sequence import WindowSequence


@dataclass(frozen=True, slots=True)
class Update:
    """An answer of the model: when it came, by the monotonic clock, and where the audio ends that it answers."""

    at: float
    heard_until: float


class ObservedWindows(WindowSequence):
    """The server's windows.

    Attributes:
        updates: has an entry for every answer.
    """

    def __init__(self, engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str) -> None:
        super().__init__(engine, vocabulary, seconds=settings.window, request_id=request_id)
        self.updates: list[Update] = []

    async def ask(self, *, whole: bool = False) -> tuple[Segment, ...]:
        """See WindowSequence."""
        segments = await super().ask(whole=whole)
        self.updates.append(Update(monotonic(), self.heard_until))
        return segments


class RedoneWindows(ObservedWindows):
    """Windows whose whole text the model writes anew every time, closed segments and voices included."""

    async def ask(self, *, whole: bool = False) -> tuple[Segment, ...]:
        """What is said behind the closed segments; the middle of a segment decides where it is."""
        segments = await super().ask(whole=whole)
        return tuple(segment for segment in segments if (segment.start + segment.end) / 2 > self.closed_until)


class RedoingEngine(Engine):
    """An engine whose streams leave nothing on the device between two questions, and whose answers begin afresh."""

    def open(
        self,
        spec: StreamSpec,
        *,
        request_id: str,
        source: AudioSource | None = None,
        fingerprint: str | None = None,
        place: Place | None = None,
    ) -> EngineStream:
        """See Engine; nobody kills its worker, so it needs no source, and nobody leaves a stream to anybody."""
        return _RedoneStream(partial(super().open, spec, request_id=request_id))


class _RedoneStream(EngineStream):
    """Keeps its audio, and has a new stream of the engine hear all of it for every question."""

    def __init__(self, opened: Callable[[], EngineStream]) -> None:  # the worker does not know this stream
        self.loops = LoopFigures()
        self.request_id = "redone"
        self._opened = opened
        self._audio: list[Samples] = []
        self._present: _RedoneAnswer | None = None

    @property
    def given(self) -> int:
        return 0 if self._present is None else self._present.stream.given

    async def append(self, samples: Samples) -> None:
        self._audio.append(samples)

    def ask(self, question: Question, *, last: bool = False) -> Answer:
        afresh = replace(question, prefix="", guess="")
        self._present = _RedoneAnswer(self._opened(), np.concatenate(self._audio), afresh)
        return self._present

    async def crop(self) -> None:
        if self._present is not None:
            await self._present.crop()

    def close(self) -> None:
        self._audio.clear()


class _RedoneAnswer(Answer):
    """Of a stream that is opened for it alone.

    Attributes:
        stream: that one.
    """

    def __init__(self, stream: EngineStream, audio: Samples, question: Question) -> None:
        super().__init__()
        self.stream = stream
        self._audio, self._question = audio, question
        self._asked: Answer | None = None

    async def __anext__(self) -> AnswerTokens:
        if self._asked is None:
            await self.stream.append(self._audio)
            self._asked = self.stream.ask(self._question, last=True)
        try:
            return await anext(self._asked)
        except StopAsyncIteration:
            self.done = self._asked.done
            raise

    async def crop(self) -> None:
        await self.stream.crop()
        self.stream.close()
        self.done = None if self._asked is None else self._asked.done
