"""Two ways to update a live window: to extend what the device has, as the server does, and to begin again.

Both hear the same audio in the same windows under the same rules for what is final. ``RedoingEngine`` and
``RedoneWindow`` belong together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import Question, StreamSpec
from server.engine.client.engine import Engine
from server.engine.client.stream import Answer, EngineStream, WholeAnswer
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.windows.answer import read
from server.windows.window import VoiceSample, Window


@dataclass(frozen=True, slots=True)
class Update:
    """An answer of the model: when it came, by the monotonic clock, and where the audio ends that it answers."""

    at: float
    heard_until: float


class ObservedWindow(Window):
    """The server's window; ``updates`` gets an entry for every answer."""

    def __init__(self, updates: list[Update], stream: EngineStream, vocabulary: Vocabulary, question: Question) -> None:
        super().__init__(stream, vocabulary, question)
        self._updates = updates

    async def ask(self, *, whole: bool = False) -> tuple[Segment, ...]:
        """See Window."""
        segments = await self._heard(whole=whole)
        self._updates.append(Update(monotonic(), self.heard_until))
        return segments

    async def _heard(self, *, whole: bool) -> tuple[Segment, ...]:
        return await super().ask(whole=whole)


class RedoneWindow(ObservedWindow):
    """A window whose whole text the model writes anew every time, closed segments and voices included."""

    def __init__(self, updates: list[Update], stream: EngineStream, vocabulary: Vocabulary, question: Question) -> None:
        super().__init__(updates, stream, vocabulary, question)
        self._closed_until = 0.0

    async def introduce(self, voice: VoiceSample) -> None:
        """See Window."""
        await super().introduce(voice)
        self._closed_until = max(self._closed_until, voice.block.end / SAMPLE_RATE)

    def close_segment(self, segment: Segment) -> None:
        """See Window."""
        self._closed_until = max(self._closed_until, segment.end)

    async def _heard(self, *, whole: bool) -> tuple[Segment, ...]:
        """What is said behind the closed segments; the middle of a segment decides where it is."""
        answer = await self._stream.ask(replace(self._question, whole=whole)).read()
        reading = read(answer, self._vocabulary, seconds=self.seconds)
        segments = (self._in_session(segment) for segment in reading.segments)
        return tuple(segment for segment in segments if (segment.start + segment.end) / 2 > self._closed_until)


class RedoingEngine(Engine):
    """An engine whose live streams leave nothing on the device between two questions."""

    def open(self, spec: StreamSpec, *, request_id: str) -> EngineStream:
        """See Engine."""
        return _RedoneStream(partial(super().open, spec, request_id=request_id))


class _RedoneStream(EngineStream):
    """Keeps its audio, and has a new stream of the engine hear all of it for every question."""

    def __init__(self, opened: Callable[[], EngineStream]) -> None:  # the worker does not know this stream
        self._opened = opened
        self._audio: list[Samples] = []

    async def append(self, samples: Samples) -> None:
        self._audio.append(samples)

    def ask(self, question: Question, *, last: bool = False) -> Answer:
        return _RedoneAnswer(self._opened(), np.concatenate(self._audio), question)

    def close(self) -> None:
        self._audio.clear()


class _RedoneAnswer(Answer):
    """Of a stream that is opened for it alone."""

    def __init__(self, stream: EngineStream, audio: Samples, question: Question) -> None:
        super().__init__()
        self._stream, self._audio, self._question = stream, audio, question

    async def read(self) -> WholeAnswer:
        async with self._stream as stream:
            await stream.append(self._audio)
            return await stream.ask(self._question, last=True).read()
