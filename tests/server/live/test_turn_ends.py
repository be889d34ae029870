"""Turns whose end depends on what was said: real speech, words by script."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE, Samples
from server.live.live_transcriber import LiveTranscriber
from server.live.settings import LiveSettings
from server.live.vocabulary.events import (
    Flushed,
    SegmentCommitted,
    SessionEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
)
from server.live.vocabulary.turn_detection import Pauses, TurnDetection
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.samples import SHORT, truth
from tests.support.scripted_streams import ScriptedEngine, ScriptedStream
from tests.support.speaking_runner import CHECKPOINT

GRAMMAR = VIBEVOICE_ASR.grammar
FIRST, SECOND = ((turn["Start"], turn["End"]) for turn in truth(SHORT))
"""When the two sentences of the sample are said, in seconds. There is more than a second of silence between them."""
HEARD = 0.1
"""Seconds by which the start of speech, or its end, may be heard too early or too late."""
LENGTH = SECOND[1] + 2
"""Of all that is heard."""
TOLD = (SpeechStarted, SpeechPaused, SpeechResumed, SpeechStopped, Flushed)
PIECES = 100
"""In which audio comes, a little of it each."""
AUTHOR = Author(CHECKPOINT)


def says(first: str, second: str = "Good.") -> ScriptedEngine:
    """A model that hears ``first``, and ``second`` when it has heard enough."""

    def reply(stream: ScriptedStream) -> str:
        written = [GRAMMAR.segment(*FIRST, 0, first)]
        if stream.seconds > SECOND[0] + 0.5:
            written.append(GRAMMAR.segment(*SECOND, 0, second))
        return GRAMMAR.opening(written) + "]"

    return ScriptedEngine(AUTHOR, [reply] * 100)


def speech() -> Samples:
    """Two sentences with silence between them, and two seconds of it behind."""
    samples = soundfile.read(SHORT, dtype="float32")[0][: round(LENGTH * SAMPLE_RATE)]
    return np.concatenate([samples, np.zeros(round(LENGTH * SAMPLE_RATE) - samples.size, np.float32)])


async def listen(
    engine: ScriptedEngine, turns: TurnDetection, *, at_once: bool = False, later: TurnDetection | None = None
) -> list[SessionEvent]:
    """All events of a session; ``at_once``: all audio is there before anything is asked.

    ``later``: what is set in the silence between the sentences.
    """
    windows = WindowSequence(engine.as_engine, AUTHOR.vocabulary, seconds=30.0, request_id="test")
    session, samples = LiveTranscriber(windows, LiveSettings(update=9.0, first_speech=9.0)), speech()
    session.set_turns(turns)
    if at_once:
        await session.hear(samples)
    async with session:
        for number, piece in enumerate([] if at_once else np.array_split(samples, PIECES)):
            if later is not None and number == round((FIRST[1] + 0.3) / LENGTH * PIECES):
                session.set_turns(later)
            await session.hear(piece)
            for _ in range(3):
                await asyncio.sleep(0)
        session.finish()
        return [event async for event in session]


def told(events: list[SessionEvent]) -> list[SessionEvent]:
    return [event for event in events if isinstance(event, TOLD)]


def kinds(events: list[SessionEvent]) -> list[str]:
    return [type(event).__name__ for event in told(events)]


def silences(events: list[SessionEvent]) -> Iterator[tuple[float, float, bool]]:
    for event in events:
        if isinstance(event, SpeechPaused | SpeechStopped):
            assert event.silence is not None
            yield round(event.silence.since, 1), round(event.silence.seconds, 1), event.silence.finished


def turns(silence: float, finished: float, *looks: float) -> TurnDetection:
    return TurnDetection(silence=silence, pauses=Pauses(looks, finished))


async def test_a_turn_ends_soon_behind_the_end_of_a_sentence() -> None:
    events = await listen(says("My child drinks."), turns(1.2, 0.6, 0.2))
    one_turn = ["SpeechStarted", "SpeechPaused", "SpeechStopped", "Flushed"]
    assert kinds(events) == one_turn * 2
    told = list(silences(events))
    assert [(seconds, finished) for _, seconds, finished in told] == [(0.2, True), (0.6, True)] * 2
    ends = [FIRST[1], FIRST[1], SECOND[1], SECOND[1]]
    assert [since for since, *_ in told] == pytest.approx(ends, abs=HEARD)


async def test_a_turn_is_waited_for_within_a_sentence() -> None:
    events = await listen(says("My child drinks", "Good..."), turns(1.2, 0.6, 0.2))
    one_turn = ["SpeechStarted", "SpeechPaused", "SpeechPaused", "SpeechStopped", "Flushed"]
    assert kinds(events) == one_turn * 2
    assert [seconds for _, seconds, _ in silences(events)] == [0.2, 0.6, 1.2] * 2
    assert not any(finished for *_, finished in silences(events))


async def test_who_goes_on_within_a_sentence_is_in_the_same_turn() -> None:
    events = await listen(says("My child drinks"), turns(3.0, 0.6, 0.2))
    assert kinds(events) == [
        *("SpeechStarted", "SpeechPaused", "SpeechPaused", "SpeechResumed"),
        *("SpeechPaused", "SpeechStopped", "Flushed"),
    ]
    (resumed,) = [event.at for event in events if isinstance(event, SpeechResumed)]
    assert resumed == pytest.approx(SECOND[0], abs=HEARD)


async def test_who_goes_on_behind_a_turn_that_ended_begins_another() -> None:
    """Though the silence is shorter than the one that ends any turn."""
    events = await listen(says("My child drinks."), turns(3.0, 0.6, 0.2))
    assert kinds(events) == ["SpeechStarted", "SpeechPaused", "SpeechStopped", "Flushed"] * 2
    (_, again) = [event.at for event in events if isinstance(event, SpeechStarted)]
    assert again == pytest.approx(SECOND[0], abs=HEARD)


async def test_the_text_of_a_turn_is_told_before_its_end_and_under_its_id() -> None:
    events = await listen(says("My child drinks."), turns(3.0, 0.6, 0.2))
    order = [event for event in events if isinstance(event, SpeechStopped | SegmentCommitted | Flushed)]
    assert [type(event) for event in order] == [SpeechStopped, SegmentCommitted, Flushed] * 2
    for stopped, _, flushed in (order[:3], order[3:]):
        assert isinstance(stopped, SpeechStopped)
        assert flushed == Flushed(stopped.at, stopped.flush)


async def test_a_pause_is_asked_about_once_and_commits_nothing() -> None:
    engine = says("My child drinks.")
    await listen(engine, turns(3.0, 0.6, 0.2, 0.3, 0.4, 0.5))
    assert [question.whole for question in engine.streams[0][0].questions] == [False, True] * 2


async def test_the_mark_that_ends_a_sentence_may_be_heard_in_the_silence() -> None:
    """At the first look the sentence was not finished; so it is asked about again before that counts."""

    def reply(stream: ScriptedStream) -> str:
        text = "My child drinks" + "." * (stream.seconds > FIRST[1] + 0.4)
        return GRAMMAR.opening([GRAMMAR.segment(*FIRST, 0, text)]) + "]"

    events = await listen(ScriptedEngine(AUTHOR, [reply] * 100), turns(1.2, 0.6, 0.2))
    told = list(silences(events))[:2]
    assert [(seconds, finished) for _, seconds, finished in told] == [(0.2, False), (0.6, True)]
    assert [since for since, *_ in told] == pytest.approx([FIRST[1]] * 2, abs=HEARD)


@pytest.mark.parametrize(("first", "stops"), [("My child drinks.", 2), ("My child drinks", 1)])
async def test_turns_do_not_depend_on_how_fast_audio_comes(first: str, stops: int) -> None:
    """What comes at once is looked at in its order, and a pause that is over by then is not told."""
    engine = says(first)
    events = await listen(engine, turns(3.0, 0.6, 0.2), at_once=True)
    assert [question.whole for question in engine.streams[0][0].questions] == [False, True] * 2
    ended = [event.at for event in events if isinstance(event, SpeechStopped)]
    slowly = await listen(says(first), turns(3.0, 0.6, 0.2))
    assert ended == [event.at for event in slowly if isinstance(event, SpeechStopped)]
    assert len(ended) == stops
    paused = [event.silence.since for event in events if isinstance(event, SpeechPaused)]
    assert all(since > SECOND[0] for since in paused)


async def test_other_settings_hold_for_the_turn_that_is_open() -> None:
    events = await listen(says("My child drinks"), turns(9.0, 8.0, 7.0), later=turns(0.8, 0.6, 0.2))
    assert [seconds for _, seconds, _ in silences(events)][:2] == [0.6, 0.8]
    (stopped, *_) = [event for event in events if isinstance(event, SpeechStopped)]
    assert stopped.at < SECOND[0]


async def test_turns_that_look_at_no_pauses_are_as_they_were() -> None:
    events = await listen(says("My child drinks."), TurnDetection(silence=0.6))
    assert kinds(events) == ["SpeechStarted", "SpeechStopped", "Flushed"] * 2
    assert all(event.silence is None for event in events if isinstance(event, SpeechStopped))
