"""A transcriber that hears a word in every second, and can go on elsewhere; and the client that the docs show."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType, TracebackType
from typing import Self

from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.client.engine import Engine
from server.live.settings import LiveSettings
from server.live.vocabulary.ear_places import GatePlace
from server.live.vocabulary.events import (
    AudioHeard,
    Checkpoint,
    Finished,
    Flushed,
    Hypothesis,
    LiveEvent,
    SegmentCommitted,
    SessionEvent,
    WordsCommitted,
)
from server.live.vocabulary.flush import FlushId
from server.live.vocabulary.resumption import Place, TextPlace, Voices
from server.live.vocabulary.turn_detection import TurnDetection
from server.live.work import Promised
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.transcript.words import segment_words
from tests.support.processes import ROOT


def load_client() -> ModuleType:
    """docs/examples/resuming_client.py."""
    name = "resuming_client"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@dataclass
class Counting:
    """Attributes:
    mute: flushes are not answered.
    """

    mute: bool = False
    seconds: list[float] = field(default_factory=list)

    def make(self, engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str) -> Counter:
        return Counter(self)


class Counter:
    """Second n of the session is the segment "word n." of speaker n modulo 2."""

    backlog = 0.0

    def __init__(self, script: Counting) -> None:
        self._script = script
        self._heard = 0.0
        self._said = 0
        self._skipped = 0
        self._resumable = False
        self._promised = Promised()
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def hear(self, samples: Samples) -> None:
        skipped = min(self._skipped, samples.size)
        self._skipped -= skipped
        self._heard = round(self._heard + (samples.size - skipped) / SAMPLE_RATE, 6)
        self._tell(AudioHeard(self._heard))
        while self._heard >= self._said + 1:
            number = self._said
            segment = Segment(number, float(number), number + 1.0, number % 2, f"word {number}.")
            self._said += 1
            words = tuple(segment_words(segment))
            self._tell(WordsCommitted(number, segment.speaker, words, segment.text), SegmentCommitted(segment))
            self._tell(Hypothesis(()))
        for at, flush in self._promised.due(self._heard):
            self._answer(at, flush)

    def set_turns(self, turns: TurnDetection | None) -> None:
        pass

    def set_context(self, context: str | None) -> None:
        pass

    def set_adapter(self, adapter: str | None) -> None:
        pass

    def set_logprobs(self, wanted: bool) -> None:
        pass

    def set_sounds(self, wanted: bool) -> None:
        pass

    def set_resumable(self) -> None:
        self._resumable = True

    def checkpoint(self) -> None:
        if self._resumable:
            text = TextPlace((), (), (), (), None, float(self._said), self._said, None, 0.0)
            gate = GatePlace(self._heard, False, 0, 0.0, False)
            self._events.put_nowait(Checkpoint(Place(float(self._said), (), gate, text, None, (), 0)))

    def resume(self, place: Place, voices: Voices, at: float, flushes: Sequence[tuple[float, FlushId]]) -> None:
        self._said = place.text.segments
        self._heard = max(at, place.audio_from)
        self._skipped = round((self._heard - at) * SAMPLE_RATE)
        self._promised = Promised(flushes)

    def flush(self, flush: FlushId) -> None:
        self._answer(self._heard, flush)

    def discard(self) -> None:
        pass

    def finish(self) -> None:
        self._tell(Finished(self._heard))

    def _answer(self, at: float, flush: FlushId) -> None:
        if not self._script.mute:
            self._tell(Flushed(at, flush))

    def _tell(self, *events: LiveEvent) -> None:
        for event in events:
            self._events.put_nowait(event)
        if not isinstance(events[0], AudioHeard):
            self.checkpoint()

    async def __aiter__(self) -> AsyncIterator[SessionEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Finished):
                return
