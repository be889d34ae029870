"""Answers longer than ordinary talk: they grow while there are pages, make way for who came first, and all end."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from model.seam.steps import StepSizes
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.budget import FIXED_TOKENS
from server.engine.messages import (
    AnswerDone,
    AppendAudio,
    AskStream,
    CloseStream,
    EndReason,
    OpenStream,
    StreamPreempted,
    ToWorker,
)
from server.engine.settings import EngineSettings
from tests.server.engine.conftest import StartEngine, eventually
from tests.server.engine.scripted_loop import Bench, Script, audio, done
from tests.server.engine.test_engine_client import ready_engine, transcribe
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner, answer_of

FRAMES = 15
"""Two seconds of audio."""
EXPECTED = FIXED_TOKENS + 12
PAGE = 8


def pages(answer: int, drafts: int = 0) -> int:
    return -(-(BEFORE + FRAMES + AFTER + answer + drafts) // PAGE)


@dataclass
class Files:
    """A client with files whose answers have so many tokens. What is preempted it opens again, as the engine does."""

    bench: Bench
    answers: list[int]
    limit: int = 2_000
    given: dict[int, list[int]] = field(default_factory=dict)
    ends: dict[int, AnswerDone] = field(default_factory=dict)
    preempted: list[int] = field(default_factory=list)

    def play(self) -> None:
        self.bench.run(self._script())

    def _script(self) -> Script:
        file_of = dict(enumerate(range(len(self.answers)), start=1))
        self.given = {file: [] for file in file_of.values()}
        yield [message for number, file in file_of.items() for message in self._opened(number, file)]
        heard = 0
        for _ in range(40_000):
            news, heard = self.bench.sent[heard:], len(self.bench.sent)
            again: list[ToWorker] = []
            for message in news:
                if isinstance(message, StreamPreempted):
                    file = file_of[message.stream]
                    self.given[file] += self.bench.tokens(message.stream)
                    self.preempted.append(file)
                    file_of[max(file_of) + 1] = file
                    again += self._opened(max(file_of), file)
                elif isinstance(message, AnswerDone):
                    self.ends[file_of[message.stream]] = message
                    self.given[file_of[message.stream]] += self.bench.tokens(message.stream)
            if len(self.ends) == len(self.answers):
                return
            assert again or not self.bench.resting, "nobody can go on"
            yield again
        raise AssertionError("it never comes to an end")

    def _opened(self, number: int, file: int) -> list[ToWorker]:
        begun = tuple(self.given[file])
        question = Question(seed=self.answers[file], max_tokens=self.limit)
        return [
            OpenStream(number, f"file {file}", StreamSpec(FRAMES, question), answered=len(begun)),
            AppendAudio(number, audio(FRAMES)),
            AskStream(number, replace(question, begun=begun), last=True),
        ]


def files(runner: ScriptedRunner, *answers: int, max_rows: int = 32, limit: int = 2_000) -> Files:
    return Files(Bench(runner, EngineSettings(steps=StepSizes(max_rows=max_rows))), list(answers), limit)


def test_an_answer_takes_what_the_pool_has() -> None:
    crowd = files(ScriptedRunner(pages=pages(1_000), page_size=PAGE), 990, limit=1_000)
    crowd.play()
    assert len(crowd.given[0]) == 990 > 3 * EXPECTED
    assert crowd.ends[0].reason is EndReason.STOP


def test_as_many_run_as_ordinary_answers_have_room() -> None:
    """Each of them may have a long one: that keeps nobody out."""
    bench = files(ScriptedRunner(pages=5 * pages(EXPECTED), page_size=PAGE), *(5 * [100]), limit=1_300)
    bench.play()
    assert max(len(plan.rows) for plan in bench.bench.runner.plans) == 5


def test_the_last_makes_way_and_goes_on_where_it_was() -> None:
    crowd = files(ScriptedRunner(pages=2 * pages(EXPECTED), page_size=PAGE), 500, 400, limit=500)
    crowd.play()
    assert crowd.preempted == [1], "who came first keeps what he has"
    assert [end.reason for end in crowd.ends.values()] == 2 * [EndReason.STOP]
    assert crowd.given == {0: answer_of(Question(seed=500)), 1: answer_of(Question(seed=400))}
    assert crowd.bench.stats.done.preemptions == 1


def test_one_that_makes_way_does_so_once_and_nobody_else_takes_its_place() -> None:
    """Where all are long, as many run as long ones have room for, and nothing is begun to be thrown away."""
    crowd = files(ScriptedRunner(pages=4 * pages(EXPECTED), page_size=PAGE), *(8 * [400]), limit=420)
    crowd.play()
    assert max(Counter(crowd.preempted).values()) == 1
    assert len(crowd.preempted) <= 4


def test_a_file_without_company_ends_where_live_streams_have_the_pages() -> None:
    """They may have them for hours."""
    held = 20
    runner = ScriptedRunner(pages=pages(EXPECTED) + held, page_size=PAGE)
    bench = Bench(runner)
    spec = StreamSpec(1, Question(max_tokens=held * PAGE - BEFORE - 1 - AFTER), priority=Priority.LIVE)
    question = Question(seed=420, max_tokens=420)

    def script() -> Script:
        yield [OpenStream(9, "live", spec), AppendAudio(9, audio(1))]
        opened = OpenStream(1, "file", StreamSpec(FRAMES, question))
        yield [opened, AppendAudio(1, audio(FRAMES)), AskStream(1, question, last=True)]
        yield from bench.until(lambda: bool(bench.ends(1)))
        yield [CloseStream(9)]

    bench.run(script())
    (end,) = bench.ends(1)
    assert done(end).reason is EndReason.LENGTH
    assert EXPECTED <= done(end).answer_tokens == len(bench.tokens(1)) < 420


@hypothesis_settings(deadline=None, max_examples=8)
@given(
    answers=st.lists(st.integers(0, 450), min_size=1, max_size=4),
    spare=st.integers(0, 120),
    drafts=st.integers(0, 3),
    max_rows=st.integers(1, 4),
    launches_ahead=st.booleans(),
)
def test_every_crowd_of_long_answers_is_served_whole(
    answers: list[int], spare: int, drafts: int, max_rows: int, launches_ahead: bool
) -> None:
    """Whatever the pool that could hold the longest alone: all tokens, each once, and no page that is not there."""
    runner = ScriptedRunner(
        pages=pages(max(answers) + 20, drafts) + spare, page_size=PAGE, drafts=drafts, launches_ahead=launches_ahead
    )
    crowd = files(runner, *answers, max_rows=max_rows, limit=max(answers) + 20)
    crowd.play()
    assert [crowd.given[file] for file in range(len(answers))] == [answer_of(Question(seed=seed)) for seed in answers]
    assert {end.reason for end in crowd.ends.values()} == {EndReason.STOP}
    assert 0 not in crowd.preempted


class Tight(ScriptedRunner):
    """Has room for two expected answers, or one of the longest."""

    def __init__(self) -> None:
        super().__init__(pages=2 * pages(EXPECTED), page_size=PAGE)


@pytest.mark.usefixtures("nothing_left_behind")
async def test_whoever_waits_for_an_answer_notices_nothing(start_engine: StartEngine) -> None:
    engine = await ready_engine(start_engine, Tight)
    questions = [Question(seed=seed, max_tokens=520) for seed in (500, 480, 460)]
    answers = await asyncio.gather(*(transcribe(engine, question, frames=FRAMES) for question in questions))
    assert answers == [answer_of(question) for question in questions]
    await eventually(lambda: engine.done.preemptions > 0)
    assert engine.restarts == 0
