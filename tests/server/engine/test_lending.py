"""Turns about one recording at the same time: what one of them hears the others have too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from model.seam.streams import Priority, Question, StreamSpec
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from tests.server.engine.conftest import PATIENCE, eventually
from tests.server.engine.test_engine_client import silence
from tests.server.engine.test_engine_deaths import died, kill
from tests.server.engine.test_shelf import FRAMES, HEARD, MINE, THEIRS, Tape, keeping, opened, turn
from tests.support.scripted_runner import AFTER, Trouble, answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

LONG = Question(seed=120, max_tokens=200)
OTHER = Question("other", seed=121, max_tokens=200)


async def begun(engine: Engine, question: Question = LONG) -> EngineStream:
    """A turn that is being answered."""
    stream = opened(engine, question)
    await stream.append(silence(FRAMES))
    await asyncio.wait_for(anext(stream.ask(question)), PATIENCE)
    return stream


async def test_a_turn_beside_another_one_hears_nothing_anew(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine, step_seconds=0.002)
    first = await begun(engine)
    done = await turn(engine, OTHER)
    assert (done.cached_tokens, done.audio_tokens) == (HEARD, FRAMES)
    theirs = await turn(engine, OTHER, THEIRS)
    assert theirs.cached_tokens == 0
    assert (engine.shelf.figures.hits, engine.shelf.figures.misses) == (1, 2)
    first.close()
    again = await turn(engine, OTHER)
    assert again.cached_tokens == HEARD + AFTER - 1, "it stays when the other one is gone"


async def test_turns_that_come_together_wait_for_the_first_to_hear(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine, step_seconds=0.002)
    questions = [Question(str(number), seed=20 + number, max_tokens=200) for number in range(4)]
    ends = await asyncio.gather(*(turn(engine, question) for question in questions))
    assert [done.cached_tokens for done in ends] == [0, HEARD, HEARD, HEARD]
    assert all(done.first_token_seconds <= done.total_seconds for done in ends)


async def test_one_that_is_resumed_lends_at_once(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    await turn(engine, LONG)
    ends = await asyncio.gather(turn(engine, LONG), turn(engine, OTHER))
    assert [done.cached_tokens for done in ends] == [HEARD + AFTER - 1, HEARD]


async def test_whoever_waited_for_one_that_goes_hears_by_himself(start_engine: StartEngine) -> None:
    """Its client has left before all was heard, or it fails, or it is not asked anything."""
    engine = await keeping(start_engine)
    closed, left = opened(engine, LONG), opened(engine, OTHER, THEIRS)
    turns = [asyncio.create_task(turn(engine, OTHER)), asyncio.create_task(turn(engine, LONG, THEIRS))]
    await eventually(lambda: len(engine._borrowers) == 2)
    await left.append(silence(FRAMES // 2))
    left.ask(OTHER)
    closed.close()
    engine.shelf.leave(left, THEIRS)
    assert [done.cached_tokens for done in await asyncio.gather(*turns)] == [0, 0]
    assert not engine._borrowers


async def test_one_that_fails_takes_nobody_along(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    bad = Question(Trouble.ERROR, max_tokens=5)
    stream = opened(engine, bad)
    waiting = asyncio.create_task(turn(engine, OTHER))
    await eventually(lambda: len(engine._borrowers) == 1)
    await stream.append(silence(FRAMES))
    stream.ask(bad)
    assert (await waiting).answer_tokens == OTHER.seed
    assert stream.ended


async def test_a_worker_may_die_before_and_behind_a_fork(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine, step_seconds=0.002)
    first = opened(engine, LONG)
    waiting = opened(engine, OTHER)
    answers = [waiting.ask(OTHER)]
    kill(engine)
    await died(engine)
    await first.append(silence(FRAMES))
    answers.append(first.ask(LONG))
    begun = [(await asyncio.wait_for(anext(answer), PATIENCE)).tokens for answer in answers]
    kill(engine)
    await died(engine, 2)
    for tokens, answer, question in zip(begun, answers, (OTHER, LONG), strict=True):
        whole = await asyncio.wait_for(answer.read(), PATIENCE)
        assert [*tokens, *whole.tokens] == answer_of(question)
    for stream in (first, waiting):
        stream.close()
    await eventually(lambda: engine.stats is not None and engine.stats.running == engine.stats.pages_used == 0)


async def test_where_there_is_no_room_for_both_one_waits_and_hears_anew(start_engine: StartEngine) -> None:
    """Each has room as if all it holds were its own."""
    engine = await keeping(start_engine, step_seconds=0.001, pages=-(-(HEARD + AFTER + 130) // 8))
    first = await begun(engine, Question(seed=120, max_tokens=125))
    other = Question("other", seed=121, max_tokens=125)
    waiting = opened(engine, other)
    answer, fork = waiting.ask(other), waiting.number
    await eventually(lambda: waiting.number != fork)
    first.close()
    whole = await asyncio.wait_for(answer.read(), PATIENCE)
    assert (list(whole.tokens), whole.done.cached_tokens) == (answer_of(other), 0)
    waiting.close()


async def test_nobody_waits_for_one_that_comes_later(start_engine: StartEngine) -> None:
    engine = await keeping(start_engine)
    low = StreamSpec(FRAMES, LONG, priority=Priority.BACKGROUND)
    background = engine.open(low, request_id="test", source=Tape(), place=MINE)
    done = await turn(engine, OTHER)
    assert done.cached_tokens == 0
    background.close()
