"""A stream that is asked again behind a part of its answer: what that costs, and what holds it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from model.seam.streams import Priority, Question, StreamSpec
from server.engine.messages import CropStream, FailureCode
from tests.server.engine.test_engine_client import failure_of, open_stream, ready_engine, silence, tokens_of
from tests.server.engine.test_engine_deaths import died, kill, ready
from tests.server.engine.test_streams import Worker
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner, Trouble, answer_of

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

LONG = Question(seed=120, max_tokens=200)


def cut(question: Question, tokens: int) -> Question:
    """The same behind the first tokens of its answer."""
    return Question(seed=question.seed, max_tokens=question.max_tokens, begun=tuple(answer_of(question)[:tokens]))


def test_pages_of_what_stands_stay_reserved_between_two_questions() -> None:
    """Of an answer that outgrew its reservation too; audio, or the stream's end, gives them back."""
    runner = ScriptedRunner(pages=70, page_size=8)
    worker = Worker(runner)
    question = Question(seed=400, max_tokens=440)
    worker.open(1, 4, question)
    worker.hear(1, 4)
    worker.ask(1, question)
    worker.until(lambda: runner.counts(1).answered > 380)
    worker.streams.handle(CropStream(1))
    held = runner.pages - runner.free_pages
    assert held * 8 >= BEFORE + 4 + AFTER + 380
    assert worker.scheduler.reserved_pages >= held
    worker.ask(1, cut(question, 380))
    worker.streams.put_questions()
    assert runner.counts(1).queued == 1
    worker.rest()
    assert worker.done[-1].answer_tokens == 400


async def test_a_worker_that_dies_over_the_second_attempt_is_told_all_that_stands(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, partial(ScriptedRunner, step_seconds=0.005))
    stream = open_stream(engine, LONG)
    await stream.append(silence(10))
    first = stream.ask(LONG)
    begun = [*(await anext(first)).tokens]
    await stream.crop()
    again = stream.ask(cut(LONG, len(begun)))
    more = [*(await anext(again)).tokens]
    assert stream.given >= len(begun) + len(more)
    kill(engine)
    await died(engine)
    rest = await again.read()
    assert begun + more + list(rest.tokens) == answer_of(LONG)
    assert rest.done.answer_tokens == 120
    stream.close()


async def test_who_kills_workers_is_found_though_its_question_is_taken_back_in_between(
    start_engine: StartEngine,
) -> None:
    """A question that is taken back has got past nothing."""
    engine = await ready_engine(start_engine, partial(ScriptedRunner, step_seconds=0.005))
    stream = open_stream(engine, LONG)
    await stream.append(silence(10))
    for deaths in (1, 2):
        stream.ask(Question(Trouble.CRASHED, max_tokens=5))
        await died(engine, deaths)
        await stream.crop()
        await ready(engine)
        sound = stream.ask(LONG)
        await anext(sound)
        await stream.crop()
    assert await failure_of(stream.ask(Question(Trouble.CRASHED, max_tokens=5))) is FailureCode.POISON
    assert engine.restarts == 3


async def test_the_speed_is_learnt_from_a_file_that_was_asked_twice(start_engine: StartEngine) -> None:
    """Once, by all the time it took; and not from a live stream, nor from one that was left half way."""
    engine = await ready_engine(start_engine, ScriptedRunner)
    speed = engine.admission.speed
    left = open_stream(engine, LONG)
    await left.append(silence(10))
    left.ask(LONG)
    await left.crop()
    left.close()
    live = engine.open(StreamSpec(10, LONG, priority=Priority.LIVE), request_id="live")
    await live.append(silence(10))
    await live.ask(LONG).read()
    live.close()
    assert engine.admission.speed == speed
    stream = open_stream(engine, LONG)
    await stream.append(silence(10))
    first = stream.ask(LONG)
    await anext(first)
    await stream.crop()
    assert await tokens_of(stream.ask(cut(LONG, 1))) == answer_of(LONG)[1:]
    assert engine.admission.speed == speed, "it may be asked again"
    stream.close()
    assert engine.admission.speed != speed
