"""What becomes of a stream while it is asked: how long it waited, what is kept for it, who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from model.seam.streams import Question, StreamSpec
from server.engine.blackbox import BlackBox
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CropStream,
    EndReason,
    FailureCode,
    OpenStream,
    StreamFailed,
)
from server.engine.settings import EngineSettings
from server.engine.worker.scheduler import Scheduler
from server.engine.worker.streams import Streams
from tests.server.engine.scripted_loop import audio
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner

QUESTION = Question(seed=3, max_tokens=4)


@dataclass
class Worker:
    """Streams, and one step after the other as long as something can be computed; a turn takes a second."""

    runner: ScriptedRunner = field(default_factory=ScriptedRunner)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(EngineSettings(), self.runner.info)
        self.streams = Streams(
            self.runner, self.scheduler, clock=lambda: self.now, out_of_memory=(MemoryError,), box=BlackBox()
        )

    def open(self, number: int, frames: int, question: Question = QUESTION) -> None:
        self.streams.handle(OpenStream(number, f"r{number}", StreamSpec(frames, question)))

    def hear(self, number: int, frames: float) -> None:
        self.streams.handle(AppendAudio(number, audio(frames)))

    def ask(self, number: int, question: Question = QUESTION, *, last: bool = False) -> None:
        self.streams.handle(AskStream(number, question, last=last))

    def turn(self) -> bool:
        """Whether there was anything to compute."""
        self.now += 1.0
        self.streams.admit()
        self.streams.put_questions()
        plan = self.scheduler.plan()
        if plan.empty:
            return False
        result = self.runner.launch(plan).read()
        self.streams.count({work.stream for work in plan.encode} | {work.stream for work in plan.rows})
        for emitted in result.emitted:
            self.streams.take(emitted)
        return True

    def rest(self) -> None:
        while self.turn():
            pass

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert self.turn(), "never came true"

    @property
    def done(self) -> list[AnswerDone]:
        return [message for message in self.streams.outbox if isinstance(message, AnswerDone)]

    @property
    def failed(self) -> list[tuple[int, FailureCode]]:
        return [(each.stream, each.code) for each in self.streams.outbox if isinstance(each, StreamFailed)]


def pages(frames: int, answer: int, page_size: int = 8) -> int:
    """That are reserved for so many frames and tokens."""
    return -(-(BEFORE + frames + AFTER + answer) // page_size)


# ---------------------------------------------------------------------------------------------------- what is kept


def test_pages_for_audio_that_did_not_come_are_others_once_the_last_question_is_put() -> None:
    worker = Worker(ScriptedRunner(pages=pages(100, 50)))
    worker.open(1, frames=100, question=Question(seed=50, max_tokens=50))
    worker.hear(1, 2)
    worker.open(2, frames=20)
    worker.ask(1, Question(seed=50, max_tokens=50), last=True)
    worker.until(lambda: len(worker.scheduler.running) == 2)
    assert not worker.done, "the second one need not wait for the answer of the first"
    worker.rest()
    assert [(end.stream, end.answer_tokens) for end in worker.done] == [(1, 50)]


def test_pages_for_audio_that_may_still_come_are_kept_between_questions() -> None:
    worker = Worker(ScriptedRunner(pages=pages(100, 4)))
    worker.open(1, frames=100)
    worker.hear(1, 2)
    worker.open(2, frames=20)
    worker.ask(2, last=True)
    for heard in (2, 100):
        worker.ask(1, last=heard == 100)
        worker.rest()
        if heard == 2:
            assert worker.scheduler.waiting == 1
            worker.hear(1, 98)
    assert [(end.stream, end.audio_tokens) for end in worker.done] == [(1, 2), (1, 100), (2, 0)]


def test_a_last_question_that_is_taken_back_ends_the_stream() -> None:
    """What it does not need for this answer is not kept for another one."""
    worker = Worker()
    worker.open(1, frames=10)
    worker.hear(1, 10)
    worker.ask(1, Question(seed=50, max_tokens=4), last=True)
    worker.until(lambda: worker.streams.answer_tokens > 1)
    worker.streams.handle(CropStream(1))
    assert [end.reason for end in worker.done] == [EndReason.CROPPED]
    assert not worker.streams
    assert not worker.runner.streams
    assert worker.scheduler.reserved_pages == 0


def test_an_answer_may_be_over_where_its_forced_start_takes_all_room() -> None:
    """Behind a start that is just as long as what is reserved stands the stop token, or it is cut."""
    worker = Worker()
    worker.open(1, frames=1, question=Question(max_tokens=20))
    worker.hear(1, 1)
    for answer in (0, 1):
        worker.ask(1, Question(prefix="x" * 20, seed=answer, max_tokens=20))
        worker.rest()
    assert [(end.reason, end.answer_tokens) for end in worker.done] == [(EndReason.STOP, 0), (EndReason.LENGTH, 0)]


# ----------------------------------------------------------------------------------------------------------- audio


def test_what_stands_before_the_audio_is_computed_before_it_comes() -> None:
    worker = Worker()
    worker.open(1, frames=10)
    worker.rest()
    assert worker.runner.streams[1].positions == BEFORE


@pytest.mark.parametrize("frames", [0.01, 0.5, 1.0])
def test_less_audio_than_a_frame_is_heard_as_one(frames: float) -> None:
    worker = Worker()
    worker.open(1, frames=1)
    worker.hear(1, frames)
    worker.ask(1)
    worker.rest()
    assert [(end.reason, end.audio_tokens) for end in worker.done] == [(EndReason.STOP, 1)]


def test_a_started_frame_beyond_what_was_announced_is_too_much() -> None:
    worker = Worker()
    worker.open(1, frames=2)
    worker.hear(1, 2.5)
    assert not worker.failed
    worker.ask(1)
    worker.rest()
    assert worker.failed == [(1, FailureCode.TOO_LONG)]
    assert not worker.runner.streams


def test_audio_that_was_encoded_counts_as_announced() -> None:
    worker = Worker()
    worker.open(1, frames=10)
    worker.hear(1, 6)
    worker.rest()
    worker.hear(1, 4)
    worker.rest()
    assert not worker.failed
    worker.hear(1, 1)
    assert worker.failed == [(1, FailureCode.TOO_LONG)]


# ------------------------------------------------------------------------------------------------------------ time


def test_the_first_answer_takes_its_time_from_the_opening_and_each_other_one_from_its_question() -> None:
    worker = Worker()
    worker.open(1, frames=10)
    for opened_for, asked in ((7.0, 107.0), (0.0, 200.0)):
        worker.now = asked
        worker.hear(1, 2)
        worker.ask(1)
        answers = len(worker.done)
        worker.until(lambda: len(worker.done) > answers)  # noqa: B023 - run at once
        end = worker.done[-1]
        assert end.total_seconds == opened_for + worker.now - asked
        assert opened_for < end.first_token_seconds < end.total_seconds


def test_who_waited_for_pages_waited_once() -> None:
    worker = Worker(ScriptedRunner(pages=pages(10, 4)))
    worker.open(1, frames=10)
    worker.hear(1, 10)
    worker.ask(1, last=True)
    worker.turn()
    worker.open(2, frames=10)
    worker.now += 50
    worker.ask(2)
    worker.rest()
    worker.ask(2)
    worker.rest()
    waited = [(end.stream, end.queue_seconds > 50) for end in worker.done]
    assert waited == [(1, False), (2, True), (2, False)]
    assert worker.done[-1].queue_seconds == 0.0


# ------------------------------------------------------------------------------------------------------------ told


def test_whoever_begins_waits_runs_or_ends_has_changed_something() -> None:
    worker = Worker(ScriptedRunner(pages=pages(10, 4)))

    def changed() -> bool:
        before, worker.streams.changed = worker.streams.changed, False
        return before

    assert changed(), "nobody was told anything yet"
    worker.open(1, frames=10)
    assert changed(), "it waits"
    worker.turn()
    assert changed(), "it runs"
    worker.open(2, frames=10)
    assert changed(), "it waits"
    worker.ask(2, last=True)
    worker.hear(1, 10)
    worker.ask(1)
    worker.rest()
    assert [end.stream for end in worker.done] == [1]
    assert not changed(), "an answer is neither"
    worker.ask(1, last=True)
    worker.until(lambda: len(worker.done) == 2)
    assert changed(), "the first one has ended"
    worker.turn()
    assert changed(), "the second one runs"


def test_every_message_has_tokens_and_a_logprob_for_each() -> None:
    """Guessed ones are read together, and cut together at the limit; a stop token alone is no message."""
    worker = Worker(ScriptedRunner(drafts=4))
    for number, answer in ((1, 1), (2, 5), (3, 30)):
        worker.open(number, frames=1, question=Question(seed=answer, max_tokens=12))
        worker.hear(number, 1)
        worker.ask(number, Question(seed=answer, max_tokens=12))
    worker.rest()
    told = [message for message in worker.streams.outbox if isinstance(message, AnswerTokens)]
    assert all(len(message.tokens) == len(message.logprobs) > 0 for message in told)
    assert [sum(len(message.tokens) for message in told if message.stream == number) for number in (1, 2, 3)] == [
        1,
        5,
        12,
    ]


def test_answer_tokens_are_counted_without_the_stop_token_and_what_is_cut() -> None:
    worker = Worker()
    for number, answer in ((1, 3), (2, 9)):
        worker.open(number, frames=1)
        worker.hear(number, 1)
        worker.ask(number, replace(QUESTION, seed=answer))
    worker.rest()
    assert [end.answer_tokens for end in worker.done] == [3, 4]
    assert worker.streams.answer_tokens == 7


# ------------------------------------------------------------------------------------------- answers that go on


def test_an_answer_that_goes_on_ends_and_is_counted_as_if_it_had_not_been_interrupted() -> None:
    """Whether the model ends it or it is cut, behind a forced start and with guesses, at every place."""
    start = "xyz"  # counts for the longest answer
    for length, most in ((9, 20), (9, 9), (9, 8), (0, 5)):
        question = Question(prefix=start, seed=length, max_tokens=most + len(start))
        worker = Worker(ScriptedRunner(drafts=2))
        whole: list[int] = []
        for begun in range(min(length, most) + 1):
            worker.streams.outbox.clear()
            worker.open(begun, frames=4, question=question)
            worker.hear(begun, 3.5)
            worker.ask(begun, replace(question, begun=tuple(whole[:begun])), last=True)
            worker.rest()
            written = [token for m in worker.streams.outbox if isinstance(m, AnswerTokens) for token in m.tokens]
            whole = whole or written
            assert written == whole[begun:]
            (end,) = worker.done
            reason = EndReason.LENGTH if length > most else EndReason.STOP
            assert (end.reason, end.answer_tokens) == (reason, min(length, most))
            assert (end.prompt_tokens, end.audio_tokens) == (BEFORE + 4 + AFTER + len(start), 4)
        assert not worker.failed


def test_room_for_what_was_given_is_there_already() -> None:
    """It is part of the longest answer, for which pages are reserved: not a page more, and none is given back."""
    worker = Worker(ScriptedRunner(pages=pages(100, 50)))
    question = Question(seed=50, max_tokens=50, begun=tuple(range(100, 140)))
    worker.open(1, frames=100, question=replace(question, begun=()))
    worker.hear(1, 100)
    worker.ask(1, question, last=True)
    worker.until(lambda: any(stream.answer is not None for stream in worker.scheduler.running))
    assert worker.scheduler.reserved_pages == pages(100, 50)
    worker.rest()
    assert [(end.reason, end.answer_tokens) for end in worker.done] == [(EndReason.STOP, 50)]
    assert worker.streams.answer_tokens == 10, "only what was computed here"


def test_more_than_the_longest_answer_cannot_go_on() -> None:
    worker = Worker()
    worker.open(1, frames=1)
    worker.ask(1, Question(seed=9, max_tokens=4, begun=tuple(range(100, 105))))
    worker.rest()
    assert [(end.reason, end.answer_tokens) for end in worker.done] == [(EndReason.LENGTH, 5)]
