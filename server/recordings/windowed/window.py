"""One window of a recording on its way through the model: a stream that is fed, asked once, and read."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from model.seam.audio import SAMPLE_RATE
from model.seam.streams import Priority, Question, StreamSpec
from server.context import context_tokens
from server.engine.budget import answer_budget
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, EndReason
from server.hearing.hearing import Hearing, hear
from server.recordings.begun import Answered
from server.recordings.places import encoded_at_once
from server.recordings.windowed.doubled import Undoubled
from server.recordings.windowed.sound import Voice, WindowSound
from server.recordings.windowed.telling import near_limit
from server.recordings.wishes import Wishes
from server.recordings.written import WrittenAnswer
from server.transcript.answer_reader import AnswerReader
from server.transcript.building import later
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent, segment_of
from server.transcript.repeats import LoopFound, later_loops

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WindowOpener:
    """What all windows of a recording have in common.

    Attributes:
        engine, vocabulary: to open streams on, and of its checkpoint.
        wishes: of the caller.
        priority: of the streams.
        request_id: for the worker's logs.
        fingerprint: of what is asked of all of it.
        loop_guard: answers that run in circles are asked for again.
    """

    engine: Engine
    vocabulary: Vocabulary
    wishes: Wishes
    priority: Priority
    request_id: str
    fingerprint: str
    loop_guard: bool

    def open_unforced(self, sound: WindowSound) -> RecordingWindow:
        """Of which everything is to be told: nobody knows what the voices in front say. Raises as `open` does."""
        return self.open(replace(sound, introductions=(), introduced=0.0), (), 0.0, None, mark="")

    def open(
        self,
        sound: WindowSound,
        voices: Sequence[Voice],
        start: float,
        most_tokens: int | None,
        answered: Answered = Answered(),  # noqa: B008 - frozen
        *,
        mark: str,
    ) -> RecordingWindow:
        """The window whose stretch of the recording begins at ``start`` seconds, with these voices in front.

        ``most_tokens``: that the caller has left. ``answered``: what an earlier attempt told of it, which is not told
        again. ``mark``: see `mark_of`. Raises EngineError, EngineUnavailable.
        """
        info = self.engine.info
        assert info is not None
        seconds = sound.samples / SAMPLE_RATE
        budget = answer_budget(info, seconds, context_tokens=context_tokens(self.wishes.context))
        grammar = info.family.grammar
        written = [
            grammar.segment(begin, end, place, voice.text)
            for place, (voice, (begin, end)) in enumerate(zip(voices, sound.introductions, strict=True))
        ]
        prefix = grammar.opening(written)
        # What is forced takes room of the answer: of the room that is reserved, not of the caller's tokens.
        forced = self.vocabulary.count(prefix)
        limit = budget if most_tokens is None else min(budget, most_tokens)
        room = min(budget, limit + forced)
        limit = min(limit, max(1, room - forced))  # known here, for words wait where an answer comes near its limit
        question = Question(self.wishes.context, temperature=self.wishes.temperature, max_tokens=room)
        frames = info.geometry.frames(sound.samples)
        spec = StreamSpec(
            frames,
            question,
            sound.level,
            self.priority,
            segment_frames=encoded_at_once(self.wishes, info),
            adapter=self.wishes.adapter,
        )
        logger.info("window", extra={"fields": {"request_id": self.request_id, "start": start, "seconds": seconds}})
        fingerprint = f"{self.fingerprint}@{start:.3f}{mark}" if self.fingerprint else None
        stream = self.engine.open(spec, request_id=self.request_id, source=sound, fingerprint=fingerprint)
        reader = AnswerReader(self.vocabulary, seconds, logprobs=self.wishes.logprobs)
        asked = replace(question, prefix=prefix, begun=answered.tokens, max_tokens=limit)
        put = partial(
            hear,
            stream,
            asked,
            self.vocabulary,
            grammar=grammar,
            seconds=seconds,
            last=True,
            guard=self.loop_guard,
        )
        told = max(len(voices), answered.segments)
        return RecordingWindow(stream, asked, put, sound, reader, told, start, limit == most_tokens)


class RecordingWindow:
    """Made by `WindowOpener.open`. Its events are on the recording's clock, with the numbers of the window.

    Attributes:
        first_token_at: ``perf_counter()`` when the first token was there.
        careful: the answer is near its limit.
        done: what it cost, once it is read.
        reader: of the answer.
        limited: by what the caller has left.
    """

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        put: Callable[[], Hearing],
        sound: WindowSound,
        reader: AnswerReader,
        told: int,
        start: float,
        limited: bool,
    ) -> None:
        """``told``: so many of the answer's segments are those of voices in front, or were told before."""
        self.first_token_at: float | None = None
        self.careful = False
        self.done: AnswerDone | None = None
        self.reader = reader
        self.limited = limited
        self._stream = stream
        self._question = question
        self._put = put
        self._sound = sound
        self._told = told
        self._start = start
        self._written = WrittenAnswer(reader, question.begun)
        self._answer: Hearing | None = None
        self._undoubled = Undoubled(sound.introduced)
        self._timeless: list[TranscriptEvent] = []  # words of a segment of which nobody knows yet when it is

    async def ask(self) -> None:
        """Feed the stream and put the question. Raises EngineError."""
        for block in self._sound.blocks():
            await self._stream.append(block)
        self._answer = self._put()

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """As they come; what is open when an answer was cut stays so, see `cut`. Raises EngineError."""
        if self._answer is None:
            await self.ask()
        assert self._answer is not None
        tokens = len(self._question.begun)
        async for part in self._answer:
            self.first_token_at = self._answer.first_token_at
            tokens += len(part.tokens)
            self.careful = near_limit(tokens, self._question.max_tokens)
            for event in self._placed(self._written.read(part)):
                yield event
        for event in self._placed(self._written.catch_up()):
            yield event
        self.done = self._answer.done
        assert self.done is not None
        if self.done.reason is EndReason.STOP:
            for event in self._last(self._written.placed(self.reader.finish())):
                yield event

    def cut(self) -> list[TranscriptEvent]:
        """The answer reached its limit, and is closed with what it has said."""
        return self._last(self.reader.finish(cut=True))

    def answered(self, last: SegmentClosed) -> Answered:
        """What a later attempt begins with, when this event is the last that was told."""
        return self._written.up_to(last)

    @property
    def loops(self) -> tuple[LoopFound, ...]:
        """Where its answer ran in circles, on the recording's clock."""
        return () if self._answer is None else later_loops(self._answer.loops, self._start - self._sound.introduced)

    def close(self) -> None:
        """Give back what it holds. Harmless when repeated."""
        self._stream.close()

    def _placed(self, events: Iterable[TranscriptEvent]) -> Iterator[TranscriptEvent]:
        """Those about the stretch of the recording, on its clock, as far as they are certain to be said once."""
        for event in self._new(events):
            for passed in self._undoubled.feed(event):
                yield self._on_clock(passed)

    def _last(self, events: Iterable[TranscriptEvent]) -> list[TranscriptEvent]:
        """The same; nothing follows."""
        return [*self._placed(events), *map(self._on_clock, self._undoubled.finish())]

    def _on_clock(self, event: TranscriptEvent) -> TranscriptEvent:
        introduced = self._sound.introduced
        return later(_behind(event, introduced), self._start - introduced)

    def _new(self, events: Iterable[TranscriptEvent]) -> Iterator[TranscriptEvent]:
        """Those about the stretch of the recording. Nothing new is heard in what was put in front."""
        introduced = self._sound.introduced
        for event in events:
            if segment_of(event) < self._told:
                continue
            times = event.times if isinstance(event, SpeechDelta) else (event.segment.start, event.segment.end)
            if times is None:
                self._timeless.append(event)
                continue
            before, self._timeless = self._timeless, []
            if introduced and times[1] <= introduced:
                continue
            yield from (*before, event)


def _behind(event: TranscriptEvent, border: float) -> TranscriptEvent:
    """With times not before ``border``."""
    if isinstance(event, SpeechDelta):
        return replace(event, times=event.times and (max(event.times[0], border), max(event.times[1], border)))
    segment = event.segment
    return replace(event, segment=replace(segment, start=max(segment.start, border), end=max(segment.end, border)))
