"""Final segments know where nobody speaks in them, so their words stand where those of a recording would."""

from __future__ import annotations

import numpy as np
import pytest

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE, Samples
from server.live.captions.captions import Captions
from server.live.captions.word_gaps import WordGaps
from server.live.vocabulary.events import SegmentCommitted
from server.recordings.segment_pauses import SegmentPauses
from server.transcript.segments import Segment
from server.transcript.words import segment_words
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine, ScriptedStream
from tests.support.speaking_runner import CHECKPOINT

GRAMMAR = VIBEVOICE_ASR.grammar
SAID = Segment(0, 1.0, 6.0, 0, "One two three four.")
FRAME = 768
"""Samples in which audio passes the gate: no multiple of those in which it is looked at."""
LATE = round(3600.1 * SAMPLE_RATE)


def talk(seed: int = 0) -> Samples:
    """Speech from 1 to 6 s, but from 3 to 4."""
    rng = np.random.default_rng(seed)
    parts = ((1.0, -60), (2.0, -20), (1.0, -60), (2.0, -20), (2.0, -60))
    pieces = [10 ** (level / 20) * rng.standard_normal(round(seconds * SAMPLE_RATE)) for seconds, level in parts]
    return np.concatenate(pieces).astype(np.float32)


def blocks(samples: Samples, start: int = 0) -> list[Block]:
    return [Block(start + first, samples[first : first + FRAME]) for first in range(0, samples.size, FRAME)]


def answered(stream: ScriptedStream) -> str:
    """What is said so far."""
    until = round(min(stream.seconds, 6.0), 1)
    return GRAMMAR.opening([GRAMMAR.segment(1.0, until, 0, "One two" if until < 4.5 else "One two three four.")]) + "]"


async def test_words_of_a_final_segment_are_said_around_its_pauses() -> None:
    author = Author(CHECKPOINT)
    engine = ScriptedEngine(author, [answered] * 40)
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=30.0, request_id="test")
    session = Captions(windows, update=0.3, first_speech=1.0, settle=1.5)
    events = []
    for block in blocks(talk()):
        events += await session.take(block, block.seconds)
        if session.due:
            events += await session.update()
    events += await session.settle()
    (segment,) = (event.segment for event in events if isinstance(event, SegmentCommitted))
    (pause,) = segment.pauses
    assert pause == pytest.approx((3.0, 4.0), abs=0.05)
    two, three = segment_words(segment)[1:3]
    assert (two.end, three.start) == pause


def test_they_are_those_of_a_recording_wherever_its_segments_close() -> None:
    samples = talk()
    whole = SegmentPauses()
    list(whole.heard([samples], 0.0))
    expected = whole.add_to(SAID).pauses
    assert expected
    for often in (1, 7, 1000):
        gaps = WordGaps()
        for number, block in enumerate(blocks(samples)):
            gaps.take(block)
            if number % often == 0:
                assert gaps.add_to([]) == []
        (told,) = gaps.add_to([SegmentCommitted(SAID)])
        assert isinstance(told, SegmentCommitted)
        assert told.segment.pauses == expected


def test_audio_that_was_left_out_or_discarded_says_nothing() -> None:
    samples = talk()
    for heard in (blocks(samples)[:100], blocks(samples)[:100] + blocks(samples)[160:]):
        gaps = WordGaps()
        for block in heard:
            gaps.take(block)
        assert gaps.add_to([SegmentCommitted(SAID)]) == [SegmentCommitted(SAID)]
    gaps = WordGaps()
    for block in blocks(samples):
        gaps.take(block)
    gaps.forget()
    assert gaps.add_to([SegmentCommitted(SAID)]) == [SegmentCommitted(SAID)]


def test_a_session_of_hours_finds_them_like_one_of_seconds() -> None:
    first, second = WordGaps(), WordGaps()
    late = Segment(0, SAID.start + LATE / SAMPLE_RATE, SAID.end + LATE / SAMPLE_RATE, 0, SAID.text)
    for block in blocks(talk()):
        first.take(block)
    first.add_to([SegmentCommitted(SAID)])
    for block in blocks(talk(), LATE):
        first.take(block)
        second.take(block)
    for gaps in (first, second):
        (told,) = gaps.add_to([SegmentCommitted(late)])
        assert isinstance(told, SegmentCommitted)
        ((start, end),) = told.segment.pauses
        assert (start - late.start, end - late.start) == pytest.approx((2.0, 3.0), abs=0.05)
