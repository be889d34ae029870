"""The audio that the model hears at once: one live stream of the engine, and what its answers must begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

import numpy as np

from model.seam.audio import FRAME_RATE, HOP, SAMPLE_RATE, Samples, clip_level
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.budget import answer_budget, context_limit
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.windows.answer import Written, opening, read, written
from server.windows.timeline import Timeline

_GAP = round(0.3 * SAMPLE_RATE)
"""Samples of silence behind each voice that is put in front of a window."""

_MARGIN = 0.05
"""Seconds around a segment that go with its audio: the model's times are not exact."""


@dataclass(frozen=True, slots=True)
class Block:
    """Audio of the session: ``samples`` from its sample number ``start`` on."""

    start: int
    samples: Samples

    @property
    def end(self) -> int:
        return self.start + self.samples.size

    @property
    def seconds(self) -> float:
        return self.samples.size / SAMPLE_RATE

    def behind(self, first: int) -> Block:
        """The part from sample ``first`` of the session on."""
        skipped = max(0, first - self.start)
        return Block(self.start + skipped, self.samples[skipped:])


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """Something that a speaker of the session said: stands in front of later windows, so that numbers stay."""

    speaker: int
    text: str
    block: Block

    @property
    def seconds(self) -> float:
        return self.block.seconds


class Window:
    """Made by ``open_window``. Audio is appended and asked about in turns; ``close`` gives the pages back."""

    def __init__(self, stream: EngineStream, vocabulary: Vocabulary, question: Question) -> None:
        """``question``: as it is put about a window of which nothing is known yet."""
        self._stream = stream
        self._question = question
        self._vocabulary = vocabulary
        self._timeline = Timeline()
        self._introduced = 0.0  # seconds of the window that voices take
        self._blocks: list[Block] = []  # of the session as it goes on
        self._forced: list[str] = []  # segments that answers begin with, as the model would write them
        self._said: list[Written] = []  # what the last answer had behind them
        self._guess = ""

    @property
    def seconds(self) -> float:
        return self._timeline.seconds

    @property
    def heard_until(self) -> float:
        """Where in the session the audio ends."""
        return self._blocks[-1].end / SAMPLE_RATE if self._blocks else 0.0

    async def append(self, block: Block) -> None:
        """The next audio. Raises EngineError."""
        self._blocks.append(block)
        await self._add(block)

    async def _add(self, block: Block) -> None:
        self._timeline.add(block.start, block.samples.size)
        await self._stream.append(block.samples)

    async def introduce(self, voice: VoiceSample) -> None:
        """Put something that was said long ago in front. Before any other audio. Raises EngineError."""
        start = self.seconds
        await self._add(voice.block)
        self._force(Segment(0, start, self.seconds, voice.speaker, voice.text))
        await self._add(Block(voice.block.end, np.zeros(_GAP, np.float32)))
        self._introduced = self.seconds

    async def ask(self, *, whole: bool = False) -> tuple[Segment, ...]:
        """What the model hears behind the closed segments: speech only, times of the session. Raises EngineError.

        ``whole``: also in the started last frame, which silence fills up; otherwise it waits for more audio.
        """
        question = replace(self._question, prefix=opening(self._forced), guess=self._guess, whole=whole)
        if whole and (missing := -self._timeline.samples % HOP):
            self._timeline.add(self._blocks[-1].end, missing)
        answer = await self._stream.ask(question).read()
        reading = read(answer, self._vocabulary, seconds=self.seconds)
        self._said = list(reading.written)
        self._guess = opening([*self._forced, *(said.json for said in self._said)])
        heard = (segment for segment in reading.segments if segment.end > self._introduced or not self._introduced)
        return tuple(self._in_session(segment) for segment in heard)

    def close_segment(self, segment: Segment) -> None:
        """From now on answers begin with this segment too; ``segment`` in the session's time."""
        start = self._timeline.window(segment.start)
        self._force(replace(segment, start=start, end=max(start, self._timeline.window(segment.end))))

    def audio_from(self, seconds: float) -> list[Block]:
        """The audio behind ``seconds`` of the session, without what was put in front or filled in."""
        first = round(seconds * SAMPLE_RATE)
        return [block.behind(first) for block in self._blocks if block.end > first]

    def voice(self, segment: Segment) -> VoiceSample | None:
        """A segment of the session with its audio; None where it is not in one piece or nobody is known to speak."""
        first, last = round((segment.start - _MARGIN) * SAMPLE_RATE), round((segment.end + _MARGIN) * SAMPLE_RATE)
        blocks = [block for block in self._blocks if block.end > first and block.start < last]
        if segment.speaker is None or any(one.end != other.start for one, other in pairwise(blocks)) or not blocks:
            return None
        start = max(first, blocks[0].start)
        samples = np.concatenate([block.samples for block in blocks])[start - blocks[0].start :]
        return VoiceSample(segment.speaker, segment.text, Block(start, samples[: last - start]))

    async def close(self) -> None:
        """Give everything on the device back. Harmless when repeated."""
        self._stream.close()

    def _force(self, segment: Segment) -> None:
        """Answers begin with this segment too: in the model's own words, where it said that; times of the window."""
        who = segment.speaker, segment.text
        for place, said in enumerate(self._said):
            if (said.segment.speaker, said.segment.text) == who:
                self._forced.append(said.json)
                self._said = self._said[place + 1 :]  # somebody may say the same again, later
                return
        self._forced.append(written(segment.start, segment.end, *who))

    def _in_session(self, segment: Segment) -> Segment:
        """With the session's times. What was put in front happened long ago: nothing new starts there."""
        start = self._timeline.start(max(segment.start, self._introduced))
        return replace(segment, start=start, end=max(start, self._timeline.end(segment.end)))


WindowFactory = Callable[[EngineStream, Vocabulary, Question], Window]
"""Makes a window around its stream; benches have windows that work or tell differently."""


async def open_window(
    engine: Engine,
    vocabulary: Vocabulary,
    *,
    context: str | None,
    seconds: float,
    request_id: str,
    voices: Sequence[VoiceSample],
    blocks: Sequence[Block],
    make: WindowFactory = Window,
) -> Window:
    """A window of at most ``seconds``, with what was said by ``voices`` in front of ``blocks``.

    The level is that of this audio and stays for the window's life: what is in the KV cache cannot become louder.
    Raises EngineError, EngineUnavailable.
    """
    assert engine.info is not None
    heard = np.concatenate([*(voice.block.samples for voice in voices), *(block.samples for block in blocks)])
    budget = answer_budget(seconds, context_limit(engine.info) - len(context or ""))
    question = Question(context, max_tokens=budget)
    spec = StreamSpec(ceil(seconds * FRAME_RATE), question, clip_level(heard), Priority.LIVE)
    window = make(engine.open(spec, request_id=request_id), vocabulary, question)
    try:
        for voice in voices:
            await window.introduce(voice)
        for block in blocks:
            await window.append(block)
    except BaseException:
        await window.close()
        raise
    return window
