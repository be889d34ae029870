"""The shelf: who finds a stream there, who does not, and what becomes of those that nobody takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from model.seam.audio import Samples
from model.seam.streams import Question, StreamSpec
from server.engine.client.engine import Engine
from server.engine.client.shelf import Eviction, Place, Shelf
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, StreamsLost
from server.engine.settings import EngineSettings
from tests.server.engine.conftest import PATIENCE, eventually
from tests.server.engine.test_engine_client import silence
from tests.server.engine.test_engine_deaths import died, kill
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner, answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

KEEPING = EngineSettings(restart_delay=0.01, restart_delay_max=0.05, stop_grace=PATIENCE, kept_streams=3)
FRAMES = 10
SAMPLES = silence(FRAMES).size
HEARD = BEFORE + FRAMES
SHORT = Question(seed=3, max_tokens=9)


def place(key: str, *turns: str) -> Place:
    return Place(key, SAMPLES, turns)


MINE, THEIRS = place("mine", "what?"), place("theirs", "what?")


class Tape:
    """A source."""

    async def replay(self) -> AsyncGenerator[Samples, None]:
        yield silence(FRAMES)


class HeldTape:
    """A source that gives nothing. ``wanted``: somebody has asked it to."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()

    async def replay(self) -> AsyncGenerator[Samples, None]:
        self.wanted.set()
        await asyncio.Event().wait()
        yield silence(FRAMES)


async def keeping(start: StartEngine, *, pages: int = 4096, step_seconds: float = 0.0) -> Engine:
    engine = await start(partial(ScriptedRunner, pages=pages, step_seconds=step_seconds), KEEPING)
    await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    return engine


def opened(engine: Engine, question: Question, at: Place | None = MINE) -> EngineStream:
    return engine.open(StreamSpec(FRAMES, question), request_id="test", source=Tape(), place=at)


async def turn(engine: Engine, question: Question, at: Place = MINE, answer: str = "that") -> AnswerDone:
    """A whole turn of a conversation."""
    stream = opened(engine, question, at)
    if not stream.appended:
        await stream.append(silence(FRAMES))
    whole = await asyncio.wait_for(stream.ask(question).read(), PATIENCE)
    assert list(whole.tokens) == answer_of(question)
    engine.shelf.leave(stream, replace(at, turns=(*at.turns, answer)))
    return whole.done


async def test_the_next_turn_of_the_same_owner_finds_what_was_heard(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    first = await turn(engine, Question(seed=3))
    again = await turn(engine, Question(seed=3))
    other = await turn(engine, Question("another", seed=5), place("mine", "another?"))
    theirs = await turn(engine, Question(seed=3), THEIRS)
    assert [done.cached_tokens for done in (first, again, other, theirs)] == [0, HEARD + AFTER - 1, HEARD, 0]
    assert (engine.shelf.figures.hits, engine.shelf.figures.misses) == (2, 2)
    await eventually(lambda: engine.stats is not None and engine.stats.kept == 2)
    assert engine.stats is not None
    assert (engine.stats.running, engine.stats.pages_used) == (0, 0)
    assert engine.stats.pages_kept > 0


async def test_an_answer_that_nobody_reads_on_is_taken_back_and_what_was_heard_stays(start_engine: StartEngine) -> None:
    """As where a client leaves to ask again: the retry of Microsoft's clients."""
    engine = await keeping(start_engine, step_seconds=0.002)
    question = Question(seed=5000, max_tokens=6000)
    stream = opened(engine, question)
    await stream.append(silence(FRAMES))
    begun = tuple((await anext(stream.ask(question))).tokens)
    engine.shelf.leave(stream, MINE)
    await eventually(lambda: engine.stats is not None and engine.stats.kept == 1)
    retry = opened(engine, question)
    assert retry is stream
    short = Question(seed=5000, max_tokens=len(begun) + 3, begun=begun)
    whole = await asyncio.wait_for(retry.ask(short).read(), PATIENCE)
    assert list(whole.tokens) == answer_of(question)[len(begun) :][:3]
    assert whole.done.cached_tokens == HEARD + AFTER + len(begun) - 1
    retry.close()


async def test_a_worker_that_ends_takes_what_was_kept_along(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    await turn(engine, Question(seed=3))
    kill(engine)
    await died(engine)
    assert engine.shelf.figures.evictions[Eviction.LOST] == 1
    done = await turn(engine, Question(seed=3))
    assert done.cached_tokens == 0
    assert (await turn(engine, Question(seed=3))).cached_tokens > 0


async def test_a_worker_that_ends_over_a_turn_costs_it_time_alone(start_engine: StartEngine) -> None:
    """The audio is heard again then, from where the turn has it."""
    engine = await keeping(start_engine, step_seconds=0.005)
    await turn(engine, Question(seed=3))
    question = Question(seed=120, max_tokens=200)
    stream = opened(engine, question)
    assert stream.appended
    answer = stream.ask(question)
    begun = (await anext(answer)).tokens
    kill(engine)
    await died(engine)
    rest = await asyncio.wait_for(answer.read(), PATIENCE)
    assert [*begun, *rest.tokens] == answer_of(question)
    stream.close()


async def test_one_that_hears_its_audio_again_is_not_kept(start_engine: StartEngine) -> None:
    """Its owner's source, which the replay reads, goes with the owner."""
    engine = await keeping(start_engine)
    source = HeldTape()
    stream = engine.open(StreamSpec(FRAMES, SHORT), request_id="test", source=source, place=MINE)
    await stream.append(silence(FRAMES))
    await asyncio.wait_for(stream.ask(SHORT).read(), PATIENCE)
    kill(engine)
    await asyncio.wait_for(source.wanted.wait(), PATIENCE)
    assert stream.number is not None, "it is the next worker's already"
    engine.shelf.leave(stream, MINE)
    assert stream.ended
    assert engine.shelf.take(MINE) is None


async def test_one_whose_step_went_wrong_is_not_tried_again_for_nobody(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    stream = opened(engine, SHORT)
    await stream.append(silence(FRAMES))
    await asyncio.wait_for(stream.ask(SHORT).read(), PATIENCE)
    assert stream.number is not None
    engine.shelf.leave(stream, MINE)
    engine._take([StreamsLost((stream.number,))])
    assert stream.ended
    assert engine.shelf.figures.evictions[Eviction.LOST] == 1
    assert (await turn(engine, SHORT)).cached_tokens == 0


async def test_what_others_need_is_let_go_and_whoever_had_just_taken_it_hears_again(start_engine: StartEngine) -> None:
    pages = -(-(HEARD + AFTER + 300) // 8)
    engine = await keeping(start_engine, pages=pages)
    await turn(engine, SHORT)
    big = Question(seed=280, max_tokens=290)
    other = opened(engine, big, None)
    await other.append(silence(FRAMES))
    answer = other.ask(big)
    taken = turn(engine, SHORT)  # perhaps before the other one runs, perhaps when it is gone already
    whole, done = await asyncio.gather(answer.read(), taken)
    assert list(whole.tokens) == answer_of(big)
    assert done.answer_tokens == 3
    other.close()
    await turn(engine, big, THEIRS)
    assert engine.shelf.figures.evictions[Eviction.PAGES] >= 1


async def test_with_no_room_for_any_a_stream_ends_with_its_turn(start_engine: StartEngine) -> None:
    engine = await start_engine(partial(ScriptedRunner, pages=4096), EngineSettings(stop_grace=PATIENCE))
    await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    assert not engine.shelf.open
    await turn(engine, Question(seed=3))
    assert (await turn(engine, Question(seed=3))).cached_tokens == 0
    await eventually(lambda: engine.stats is not None and engine.stats.pages_used == engine.stats.kept == 0)


@dataclass
class Alarm:
    """A timer that is due when the test says so."""

    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


async def test_too_many_too_old_and_outdone_ones_end(start_engine: StartEngine) -> None:
    alarms: list[Alarm] = []

    def later(seconds: float, call: Callable[[], None]) -> Alarm:
        assert seconds == 7.0
        alarms.append(Alarm(call))
        return alarms[-1]

    engine = await keeping(start_engine)
    engine.shelf = shelf = Shelf(2, 7.0, later=later)
    await turn(engine, Question(seed=3), place("a", "one"))
    both = [opened(engine, Question(seed=3), place("a", "one", "that", "two")) for _ in range(2)]
    for stream in both:
        await stream.ask(Question(seed=3)).read()
    shelf.leave(both[0], place("a", "one", "that", "two", "so"))
    shelf.leave(both[1], place("a", "one", "that", "two", "so"))
    assert both[0].ended, "the other one knows all that it did"
    assert shelf.figures.evictions[Eviction.REPLACED] == 1
    await turn(engine, Question(seed=3), place("b"))
    await turn(engine, Question(seed=3), place("c"))
    assert both[1].ended
    assert shelf.figures.evictions[Eviction.CROWDED] == 1
    assert [alarm.cancelled for alarm in alarms] == [True, True, True, False, False]
    alarms[-1].call()
    assert shelf.figures.evictions[Eviction.IDLE] == 1
    assert shelf.take(place("c")) is None
    assert shelf.take(place("b")) is not None


async def test_of_several_the_one_that_knows_most_of_the_conversation_is_taken(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    streams = [opened(engine, Question(seed=3), None) for _ in range(3)]
    known = [("one", "that", "two", "so"), ("one", "other"), ("else",)]
    for stream, turns in zip(streams, known, strict=True):
        await stream.append(np.zeros(FRAMES * 3200, np.float32))
        await stream.ask(Question(seed=3)).read()
        engine.shelf.leave(stream, place("a", *turns))
    assert engine.shelf.take(place("a", "one", "that", "three")) is streams[0]
    assert engine.shelf.take(place("a", "one", "that", "three")) is streams[1]
    assert engine.shelf.take(place("a", "one", "that", "three")) is streams[2]
