"""The audio that the model hears at once: one stream of the engine, and what its answers must begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from model.family import Family
from model.seam.audio import SAMPLE_RATE, Level
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.hearing.hearing import hear
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.windows.block import Block, joined
from server.windows.heard_audio import HeardAudio
from server.windows.known import Known, pieces_of
from server.windows.prefix import AnswerPrefix
from server.windows.reading import read
from server.windows.speakers import WindowNumbers
from server.windows.timeline import Timeline
from server.windows.voices import VoiceSample

_GAP = round(0.3 * SAMPLE_RATE)
"""Samples of silence behind each voice that is put in front of a window."""

_ATTEMPTS = 1
"""How often a live answer is asked for again where it runs in circles: somebody waits."""

_MARGIN = 0.05
"""Seconds around a segment that go with its audio: the model's times are not exact."""


class Window:
    """Made by ``opening.open_window``. Audio is appended and asked about in turns; ``close`` gives the pages back.

    Times are seconds of the recording or session whose audio it is, but where a window's are spoken of.

    Args:
        stream: of the engine; nobody else uses it.
        heard: what the stream has got so far, and its source.
        vocabulary: of the checkpoint.
        family: of the checkpoint: how it cuts audio into frames and writes answers.
        question: as it is put about a window of which nothing is known yet.
        level: of its audio.
        numbers: whose the numbers in its answers are.
        loop_guard: an answer that runs in circles is asked for again.

    Attributes:
        level: of its audio.
        sounds: what nobody said, of the last answer.
    """

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
        self.level = level
        self.sounds: tuple[Segment, ...] = ()
        self._stream = stream
        self._heard = heard
        self._vocabulary = vocabulary
        self._geometry = family.geometry
        self._grammar = family.grammar
        self._loop_guard = loop_guard
        self._question = question
        self._numbers = numbers
        self._timeline = Timeline()
        self._introduced = 0.0  # seconds of the window that voices take
        self._blocks: list[Block] = []  # without the voices
        self._prefix = AnswerPrefix(family.grammar)
        self._introduced_speakers: set[int] = set()
        self._fills: list[tuple[int, int]] = []  # see Known
        self._closed: list[tuple[Segment, str]] = []

    @property
    def seconds(self) -> float:
        """Length of the window's audio, voices and silence that was filled in included."""
        return self._timeline.seconds

    @property
    def known(self) -> Known:
        """What another one needs to go on here, beside the audio and the voices."""
        fills, closed = tuple(self._fills), tuple(self._closed)
        return Known(pieces_of(self._blocks), fills, closed, frozenset(self._introduced_speakers), self.level)

    @property
    def heard_until(self) -> float:
        """Where the audio ends."""
        return self._blocks[-1].end / SAMPLE_RATE if self._blocks else 0.0

    async def introduce(self, voice: VoiceSample) -> None:
        """Put something that was said long ago in front. Before any other audio. Raises EngineError."""
        start = self.seconds
        await self._add(voice.block)
        self._introduced_speakers.add(voice.speaker)
        self._prefix.close(Segment(0, start, self.seconds, self._numbers.back(voice.speaker), voice.text))
        await self._add(Block(voice.block.end, np.zeros(_GAP, np.float32)))
        self._introduced = self.seconds

    async def append(self, block: Block) -> None:
        """The next audio. Raises EngineError."""
        self._blocks.append(block)
        await self._add(block)

    async def ask(self, *, whole: bool = False, logprobs: bool = False) -> tuple[Segment, ...]:
        """What the model hears behind the closed segments: speech only, indices mean nothing. Raises EngineError.

        ``whole``: also in the started last frame, which silence fills up; otherwise it waits for more audio.
        ``logprobs``: segments get those of their tokens.
        """
        if whole:
            silence = -self._timeline.samples % self._geometry.hop
            self._timeline.add(self._blocks[-1].end, silence)
            self._heard.fill(silence)
            self._note_fill(silence)
        question = replace(self._question, prefix=self._prefix.text, guess=self._prefix.guess, whole=whole)
        hearing = hear(
            self._stream,
            question,
            self._vocabulary,
            grammar=self._grammar,
            seconds=self.seconds,
            guard=self._loop_guard,
            attempts=_ATTEMPTS,
        )
        answer = await hearing.read()
        reading = read(answer, self._vocabulary, seconds=self.seconds, logprobs=logprobs)
        if hearing.given_up and not whole:
            reading = reading.without_last  # what is there will be heard again, with more behind it
        self._prefix.note(reading.written)
        self.sounds = self._heard_here(reading.sounds)
        return self._numbered(self._heard_here(reading.segments))

    async def fill(self, samples: int) -> None:
        """So much silence, where another window was filled up with it. Raises EngineError."""
        self._note_fill(samples)
        await self._add(Block(self._blocks[-1].end, np.zeros(samples, np.float32)))

    def _note_fill(self, samples: int) -> None:
        if samples:
            self._fills.append((self._blocks[-1].end, samples))

    def close_segment(self, segment: Segment, source: str | None = None) -> None:
        """From now on answers begin with this segment too; ``source``: as it stood in front of answers elsewhere."""
        start = self._timeline.window(segment.start)
        number = None if segment.speaker is None else self._numbers.back(segment.speaker)
        placed = replace(segment, start=start, end=max(start, self._timeline.window(segment.end)), speaker=number)
        self._closed.append((segment, self._prefix.close(placed, source)))

    def audio_from(self, seconds: float) -> list[Block]:
        """The audio behind ``seconds``, without what was put in front or filled in."""
        first = round(seconds * SAMPLE_RATE)
        return [block.behind(first) for block in self._blocks if block.end > first]

    def voice(self, segment: Segment) -> VoiceSample | None:
        """A segment with its audio; None where it is not in one piece or nobody is known to speak."""
        first, last = round((segment.start - _MARGIN) * SAMPLE_RATE), round((segment.end + _MARGIN) * SAMPLE_RATE)
        blocks = [block for block in self._blocks if block.end > first and block.start < last]
        if segment.speaker is None or any(one.end != other.start for one, other in pairwise(blocks)) or not blocks:
            return None
        audio = joined(blocks).behind(first)
        return VoiceSample(segment.speaker, segment.text, Block(audio.start, audio.samples[: last - audio.start]))

    def close(self) -> None:
        """Give everything on the device back. Harmless when repeated."""
        self._stream.close()

    async def _add(self, block: Block) -> None:
        self._timeline.add(block.start, block.samples.size)
        self._heard.add(block.samples)
        await self._stream.append(block.samples)

    def _numbered(self, segments: Iterable[Segment]) -> tuple[Segment, ...]:
        """With the session's numbers. Answers change: what nothing is said by any more is nobody's."""
        segments = tuple(segments)
        if segments and segments[0].speaker is not None:
            self._numbers.begins(segments[0].speaker)
        said = {segment.speaker for segment in segments if segment.speaker is not None}
        closed = {self._numbers.back(before.speaker) for before, _ in self._closed if before.speaker is not None}
        self._numbers.keep(said | closed)
        return tuple(
            segment if segment.speaker is None else replace(segment, speaker=self._numbers.of(segment.speaker))
            for segment in segments
        )

    def _heard_here(self, segments: Iterable[Segment]) -> tuple[Segment, ...]:
        """Those behind what was put in front."""
        heard = (segment for segment in segments if segment.end > self._introduced or not self._introduced)
        return tuple(self._in_source(segment) for segment in heard)

    def _in_source(self, segment: Segment) -> Segment:
        """A segment of the window. What was put in front happened long ago: nothing new starts there."""
        start = self._timeline.start(max(segment.start, self._introduced))
        return replace(segment, start=start, end=max(start, self._timeline.end(segment.end)))
