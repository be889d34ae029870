"""A window of a model that writes by turns with the audio: what it has said stays, and only what comes is answered.

The model's own windows are some seconds of this one each. A question about the whole fills the last of them up with
silence; what is heard later begins behind that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import numpy as np

from model.family import Family
from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.seam.audio import Level
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.hearing.turn_hearing import hear_turns
from server.hearing.turns import turn_form
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment
from server.transcript.turn_reader import TurnReader
from server.windows.block import Block
from server.windows.heard_audio import HeardAudio
from server.windows.reading import with_logprobs
from server.windows.speakers import WindowNumbers
from server.windows.voices import VoiceSample
from server.windows.window import Window

_EXACT = 1e-3
"""Seconds by which a segment's end may be off and still be the end of a turn."""


class TurnWindow(Window):
    """See Window. What is returned of an answer never changes, but for the last segment, which may go on."""

    def __init__(
        self,
        stream: EngineStream,
        heard: HeardAudio,
        vocabulary: Vocabulary,
        family: Family,
        question: Question,
        level: Level,
        numbers: WindowNumbers,
        *,
        loop_guard: bool = True,
    ) -> None:
        super().__init__(stream, heard, vocabulary, family, question, level, numbers, loop_guard=loop_guard)
        form = turn_form(family)
        assert form is not None
        self._form = form
        self._turns = cast(WindowGeometry, family.geometry)
        self._said: list[int] = []  # tokens, those in front of the audio included
        self._logprobs: list[float] = []
        self._answered = 0  # turns
        self._pauses: set[int] = set()  # turns behind which no segment goes on
        self._silences: list[tuple[float, float]] = []  # that were filled in, from when to when

    @property
    def heard_until(self) -> float:
        """See Window: where the audio ends that is answered, for what was said last may go on behind it."""
        return self._timeline.end(min(self._answered * self._form.seconds, self.seconds))

    async def introduce(self, voice: VoiceSample) -> None:
        """See Window: its words stand in its turns, about as they were said."""
        await self._add(voice.block)
        await self._add(Block(voice.block.end, np.zeros(self._turns.filling(self._timeline.samples), np.float32)))
        self._introduced_speakers.add(voice.speaker)
        turns = self._whole_turns - self._answered
        words = [f" {word}" for word in voice.text.split()]
        label = self._grammar.segment(0.0, 0.0, self._numbers.back(voice.speaker), "").rstrip()
        for turn in range(turns):
            part = words[turn * len(words) // turns : (turn + 1) * len(words) // turns]
            self._take([*self._vocabulary.ids("".join([label if not turn else "", *part])), self._form.end])
        self._pause(self._answered)
        self._introduced = self.seconds

    async def fill(self, samples: int) -> None:
        """See Window."""
        start = self.seconds
        await super().fill(samples)
        self._silences.append((start, self.seconds))
        self._pause(self._whole_turns)

    async def ask(self, *, whole: bool = False, logprobs: bool = False) -> tuple[Segment, ...]:
        """See Window. Asks the engine only where a turn is whole, or ``whole``, that it has not answered."""
        if whole:
            self._fill_up()
        if self._whole_turns > self._answered:
            question = replace(self._question, begun=tuple(self._said), whole=whole)
            answer = await hear_turns(
                self._stream,
                question,
                self._vocabulary,
                self._form,
                seconds=self.seconds,
                guard=self._loop_guard,
            ).read()
            self._take(answer.tokens, answer.logprobs)
        if whole:
            self._pause(self._answered)
        return self._numbered(self._heard_here(self._read(logprobs=logprobs)))

    def close_segment(self, segment: Segment, source: str | None = None) -> None:
        """See Window: where it ends with a turn, what is said in the next one is another segment."""
        super().close_segment(segment, source)
        turn = self._timeline.window(segment.end) / self._form.seconds
        if abs(turn - round(turn)) * self._form.seconds < _EXACT:
            self._pause(round(turn))

    @property
    def _whole_turns(self) -> int:
        """Turns of whose windows all audio is there."""
        return self._turns.whole_windows(self._timeline.samples)

    def _fill_up(self) -> None:
        """Note the silence with which a question about the whole fills up the last turn; none where nothing came."""
        if not self._silences or self._silences[-1][1] != self.seconds:
            start, silence = self.seconds, self._turns.filling(self._timeline.samples)
            self._timeline.add(self._blocks[-1].end, silence)
            self._heard.fill(silence)
            self._note_fill(silence)
            self._silences.append((start, self.seconds))

    def _take(self, tokens: Iterable[int], logprobs: Iterable[float] = ()) -> None:
        """More turns. One that was cut short, at the limit of all that is said in this window, ends there."""
        self._said += tokens
        if self._said and self._said[-1] != self._form.end:
            self._said.append(self._form.end)
        self._logprobs += logprobs
        self._logprobs += [0.0] * (len(self._said) - len(self._logprobs))
        self._answered = self._said.count(self._form.end)

    def _pause(self, turn: int) -> None:
        self._pauses.add(turn)

    def _read(self, *, logprobs: bool) -> list[Segment]:
        """What is said behind the closed segments, in seconds of the window."""
        reader = TurnReader(self._vocabulary, self.seconds, self._form, logprobs=logprobs, pauses=self._pauses)
        events = [*reader.feed(self._said, self._logprobs), *reader.finish()]
        told = with_logprobs(events) if logprobs else events
        closed = [self._outside(event.segment) for event in told if isinstance(event, SegmentClosed)]
        until = max((self._timeline.window(segment.end) for segment, _ in self._closed), default=0.0)
        return [segment for segment in closed if segment.start > until - _EXACT]

    def _outside(self, segment: Segment) -> Segment:
        """A segment whose times are none of silence that was filled in: nobody spoke there, and nothing sounded."""
        start, end = segment.start, segment.end
        for begin, until in self._silences:
            start = until if begin <= start < until else start
            end = begin if begin < end <= until else end
        return replace(segment, start=start, end=max(start, end))
