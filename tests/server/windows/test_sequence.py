"""Windows that follow each other: what the next one begins with, and what it has of those before."""

from __future__ import annotations

import numpy as np
import pytest

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE
from model.seam.streams import Priority
from server.engine.errors import EngineError
from server.transcript.segments import Segment
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine

GRAMMAR = VIBEVOICE_ASR.grammar

WINDOW = 10.0


@pytest.fixture
def engine(author: Author) -> ScriptedEngine:
    """Its first window says two things, the next one a third."""
    return ScriptedEngine(author, [FIRST, FIRST], [SECOND])


HELLO, THEN = GRAMMAR.segment(2.5, 5.5, 1, "Hello there, all of you."), GRAMMAR.segment(6.0, 9.0, 0, "And then")
FIRST = f"[{HELLO},{THEN}]"
RAINED = GRAMMAR.segment(3.9, 7.4, 1, "And then it rained.")
SECOND = f"[{GRAMMAR.segment(0.0, 3.1, 0, 'Hello there, all of you.')},{RAINED}]"
"""Who is introduced has the first number there."""


def sequence(engine: ScriptedEngine, author: Author, *, context: str | None = None) -> WindowSequence:
    return WindowSequence(
        engine.as_engine,
        author.vocabulary,
        seconds=WINDOW,
        request_id="test",
        context=context,
        priority=Priority.NORMAL,
    )


def sound(start: float, seconds: float) -> Block:
    """Every sample is its number, in millionths."""
    first, size = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
    return Block(first, (np.arange(first, first + size) * 1e-6).astype(np.float32))


async def fill(windows: WindowSequence, start: float, end: float) -> None:
    for place in np.arange(start, end, 0.5):
        await windows.append(sound(float(place), 0.5))


async def test_a_file_is_heard_in_windows_like_a_session(engine: ScriptedEngine, author: Author) -> None:
    """Fed at once: append while it fits, ask, close what is final, roll over."""
    windows, told = sequence(engine, author, context="Rain"), list[Segment]()
    for place in np.arange(0, 12, 0.5):
        block = sound(float(place), 0.5)
        if not windows.fits(block):
            hello, _ = await windows.ask(whole=True)
            windows.close_segment(hello)
            told.append(hello)
            await windows.roll()
        await windows.append(block)
    told += await windows.ask(whole=True)
    windows.close()
    assert [(segment.speaker, segment.text) for segment in told] == [
        (1, "Hello there, all of you."),
        (0, "And then it rained."),
    ]
    assert [(segment.start, segment.end) for segment in told] == [(2.5, 5.5), pytest.approx((6.0, 9.5))]
    first, second = (stream for stream, _ in engine.streams)
    assert first.seconds == WINDOW
    assert first.closed
    assert second.closed
    assert all(spec.priority is Priority.NORMAL and spec.question.context == "Rain" for _, spec in engine.streams)


async def test_the_next_window_begins_with_a_voice_and_what_is_not_closed(
    engine: ScriptedEngine, author: Author
) -> None:
    windows = sequence(engine, author)
    await fill(windows, 0, 10)
    assert windows.crowded, "ten seconds are not closed, and five may be kept"
    hello, _ = await windows.ask()
    windows.close_segment(hello)
    assert windows.closed_until == 5.5
    assert not windows.crowded
    windows.context = "Rain"
    await windows.roll()
    stream, spec = engine.streams[1]
    voice, gap = sound(2.45, 3.1).samples, round(0.3 * SAMPLE_RATE)
    assert np.array_equal(stream.audio[: voice.size], voice)
    assert not stream.audio[voice.size : voice.size + gap].any()
    assert np.array_equal(stream.audio[voice.size + gap :], sound(5.5, 4.5).samples)
    assert spec.question.context == "Rain"
    await windows.ask()
    assert stream.questions[0].prefix == "[" + GRAMMAR.segment(0.0, 3.1, 0, "Hello there, all of you.")


async def test_half_a_window_in_which_nothing_is_closed_is_left_behind(engine: ScriptedEngine, author: Author) -> None:
    windows = sequence(engine, author)
    await fill(windows, 0, 10)
    assert windows.crowded
    await windows.roll()
    assert engine.streams[0][0].closed
    assert windows.empty
    await windows.append(sound(10, 0.5))
    assert not windows.open, "the next window has the level of its own audio"
    await windows.ask()
    assert windows.heard_until == 10.5


async def test_a_window_is_opened_when_it_is_asked_about_or_half_full(engine: ScriptedEngine, author: Author) -> None:
    windows = sequence(engine, author)
    await fill(windows, 0, 4.5)
    assert not windows.open
    await fill(windows, 4.5, 5)
    assert windows.open
    assert engine.streams[0][0].seconds == 5
    windows.close()
    assert windows.empty
    await windows.append(sound(5, 0.5))
    assert not windows.empty
    windows.close()
    assert windows.empty
    await windows.append(sound(6, 0.5))
    await windows.ask()
    assert [stream.seconds for stream, _ in engine.streams] == [5, 0.5]


async def test_a_window_that_cannot_be_filled_is_closed(engine: ScriptedEngine, author: Author) -> None:
    engine.broken = True
    with pytest.raises(EngineError):
        await fill(sequence(engine, author), 0, 10)
    assert engine.streams[0][0].closed
