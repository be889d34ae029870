"""A double that hears words in audio whose samples say where they are, and writes as the real model does.

A turn is one segment however long it is, people are numbered as they come in a window but for those who are forced,
and a word of which a part is missing is another word.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import Question, StreamSpec
from server.live.captions.captions import Captions
from server.live.vocabulary.events import SegmentCommitted
from server.transcript.segments import Segment
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine, ScriptedStream

FRAME = SAMPLE_RATE // 100
_STEP = 2.0**-27
"""Between the samples of two frames: the number of a frame is told by them."""
_LOUD, _SOFT = 2.0**-4, 2.0**-14
"""Samples of the first frame, where somebody speaks and where nobody does; steps in soft ones are as much smaller."""
_WHOLE = 0.85
"""Of a word, the share that has to be there for it to be heard; of half of that something else is heard."""


class Word(NamedTuple):
    """``start``, ``end``: in hundredths of a second."""

    text: str
    start: int
    end: int
    who: int


def sound(first: int, last: int, words: Sequence[Word]) -> Samples:
    """From one hundredth of a second to another, loud in words alone."""
    said = np.zeros(last - first, np.bool_)
    for word in words:
        said[max(0, word.start - first) : max(0, word.end - first)] = True
    frames = 1 + np.arange(first, last) * (_STEP / _LOUD)
    return np.repeat((frames * np.where(said, _LOUD, _SOFT)).astype(np.float32), FRAME)


class PlacedWords(ScriptedEngine):
    """Its streams hear these words, whatever they are fed with."""

    def __init__(self, author: Author, words: Sequence[Word], blur: float = 0.0) -> None:
        """``blur``: seconds by which ends of segments are wrong at most."""
        super().__init__(author)
        self.words = words
        self._blur = blur

    def open(self, spec: StreamSpec, **others: Any) -> ScriptedStream:
        """See Engine."""
        stream = _Hearing(self._author)
        stream.words = self.words
        stream.blur = self._blur
        self.streams.append((stream, spec))
        return stream


class _Hearing(ScriptedStream):
    words: Sequence[Word] = ()
    blur = 0.0

    def ask(self, question: Question, *, last: bool = False) -> Any:
        self.answers = [self._answer(question.prefix)]
        return super().ask(question, last=last)

    def _answer(self, prefix: str) -> str:
        heard = list(self._heard())
        forced = json.loads(prefix + "]") if prefix else []
        numbers: dict[int, int] = {}
        for entry in forced:
            spoken = Counter(w.who for w in heard if entry["Start"] * 100 - 2 < w.start < entry["End"] * 100)
            numbers.setdefault(spoken.most_common(1)[0][0], entry["Speaker"])
        done = {text for entry in forced for text in entry["Content"].split()}
        turns: list[list[Word]] = []
        for word in heard:
            if word.text in done:
                continue
            if not turns or turns[-1][-1].who != word.who:
                turns.append([])
            turns[-1].append(word)
        grammar = VIBEVOICE_ASR.grammar
        new = []
        for turn in turns:
            free = next(n for n in range(99) if n not in numbers.values())
            number = numbers.setdefault(turn[0].who, free)
            text = " ".join(word.text for word in turn)
            end = turn[-1].end / 100 + random.Random(turn[-1].text).uniform(-self.blur, self.blur)
            end = min(max(end, turn[0].start / 100), self.seconds)
            new.append(grammar.segment(turn[0].start / 100, round(end, 2), number, text))
        return (prefix + "," if prefix and new else prefix or "[") + ",".join(new) + "]"

    def _heard(self) -> Iterator[Word]:
        """Words in hundredths of the stream, as they are heard."""
        samples = self.audio[::FRAME].astype(np.float64)
        base = np.where(samples >= _LOUD, _LOUD, _SOFT)
        frames = np.where(samples > 0, np.round((samples / base - 1) * (_LOUD / _STEP)), -1).astype(int)
        seams = [0, *(np.flatnonzero(np.diff(frames) != 1) + 1).tolist(), frames.size]
        for begin, end in pairwise(seams):
            if begin == end or frames[begin] < 0:
                continue
            first, last = int(frames[begin]), int(frames[end - 1]) + 1
            for word in self.words:
                start, stop = max(word.start, first), min(word.end, last)
                share = (stop - start) / (word.end - word.start)
                if share >= _WHOLE / 2:
                    text = word.text if share >= _WHOLE else f"{word.text[: len(word.text) // 2]}~"
                    yield Word(text, begin + start - first, begin + stop - first, word.who)


async def captioned(author: Author, words: Sequence[Word], blur: float = 0.0) -> list[Segment]:
    """What a live session has told of these words when they are over, at the speed of the engine."""
    engine = PlacedWords(author, words, blur)
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=30.0, request_id="test", loop_guard=False)
    captions = Captions(windows, update=1.0, first_speech=1.0, settle=1.5)
    events = []
    for first in range(0, words[-1].end + 100, 5):
        said = any(word.start < first + 5 and first < word.end for word in words)
        events += await captions.take(Block(first * FRAME, sound(first, first + 5, words)), 0.05 if said else 0.0)
        if captions.due:
            events += await captions.update()
    events += await captions.settle()
    captions.close()
    return [event.segment for event in events if isinstance(event, SegmentCommitted)]
