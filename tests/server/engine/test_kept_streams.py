"""Streams that are kept for another question: they cost nobody anything, and save whoever resumes them the audio."""

from __future__ import annotations

from model.seam.streams import Question, StreamSpec
from server.engine.messages import CropStream, FailureCode, KeepStream, ResumeStream, StreamPreempted
from tests.server.engine.test_streams import Worker, pages
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner

FRAMES, TOKENS = 60, 4
ASKED = Question(seed=TOKENS, max_tokens=TOKENS)
HELD = pages(FRAMES, TOKENS)
"""Pages of a stream that has answered."""


class Keeper(Worker):
    """Kept streams go in front of each step, as in the loop; the runner asserts that there are pages for it."""

    def turn(self) -> bool:
        self.now += 1.0
        self.streams.admit()
        self.streams.put_questions()
        plan = self.scheduler.plan()
        self.streams.evict()
        if plan.empty:
            return False
        result = self.runner.launch(plan).read()
        self.streams.count({work.stream for work in plan.encode} | {work.stream for work in plan.rows})
        for emitted in result.emitted:
            self.streams.take(emitted)
        return True

    def answered(self, number: int, question: Question = ASKED) -> None:
        """A stream that has heard its audio and answered."""
        self.open(number, FRAMES, question)
        self.hear(number, FRAMES)
        self.ask(number, question)
        self.rest()

    def keep(self, number: int) -> None:
        self.streams.handle(KeepStream(number))

    def resume(self, number: int, question: Question = ASKED, frames: int = FRAMES) -> None:
        self.streams.handle(ResumeStream(number, "resumed", StreamSpec(frames, question)))
        self.ask(number, question)

    @property
    def gone(self) -> list[int]:
        return [each.stream for each in self.streams.outbox if isinstance(each, StreamPreempted)]


def test_a_kept_stream_makes_nobody_wait() -> None:
    worker = Keeper(ScriptedRunner(pages=HELD + 1))
    worker.answered(1)
    worker.keep(1)
    assert worker.scheduler.kept.pages == HELD
    assert worker.scheduler.reserved_pages == 0
    worker.answered(2)
    assert [end.stream for end in worker.done] == [1, 2]
    assert worker.done[1].queue_seconds == 1.0, "as in an empty worker"
    assert worker.gone == [1]
    assert list(worker.runner.streams) == [2]


def test_whoever_was_not_asked_for_longest_goes_first_and_no_more_than_need_be() -> None:
    worker = Keeper(ScriptedRunner(pages=4 * HELD))
    for number in (1, 2, 3):
        worker.answered(number)
        worker.keep(number)
    worker.resume(1)
    worker.rest()
    worker.keep(1)
    worker.open(4, 2 * FRAMES)
    worker.hear(4, 2 * FRAMES)
    worker.ask(4)
    worker.rest()
    assert worker.gone == [2]
    assert len(worker.scheduler.kept) == 2


def test_who_resumes_it_pays_for_what_is_new_alone() -> None:
    worker = Keeper()
    worker.answered(1)
    worker.keep(1)
    computed = len(worker.runner.plans)
    other = Question("something else", seed=9, max_tokens=30)
    worker.resume(1, other)
    worker.rest()
    rows = [row.positions for plan in worker.runner.plans[computed:] for row in plan.rows]
    assert rows[0] == AFTER, "of the prompt the question alone"
    assert not any(plan.encode for plan in worker.runner.plans[computed:])
    first, second = worker.done
    assert (first.cached_tokens, second.cached_tokens) == (0, BEFORE + FRAMES)
    assert (second.answer_tokens, second.prompt_tokens) == (9, BEFORE + FRAMES + AFTER)
    worker.keep(1)
    worker.resume(1, other)
    worker.rest()
    assert worker.done[2].cached_tokens == BEFORE + FRAMES + AFTER - 1
    worker.streams.handle(CropStream(1))
    assert worker.scheduler.reserved_pages > 0


def test_one_that_waits_to_be_resumed_gives_way_too() -> None:
    """It would otherwise keep pages from somebody who was there before it."""
    worker = Keeper(ScriptedRunner(pages=2 * HELD + 4))
    worker.answered(1)
    worker.keep(1)
    worker.open(2, FRAMES)
    worker.open(3, FRAMES)
    worker.turn()
    worker.resume(1)
    worker.turn()
    assert worker.gone == [1]
    assert worker.scheduler.waiting == 0
    for number in (2, 3):
        worker.hear(number, FRAMES)
        worker.ask(number, last=True)
    worker.rest()
    assert [end.stream for end in worker.done] == [1, 2, 3]


def test_nothing_is_kept_of_a_stream_that_has_not_heard_all_its_audio() -> None:
    worker = Keeper()
    worker.open(1, FRAMES)
    worker.hear(1, FRAMES)
    worker.keep(1)
    assert worker.gone == [1]
    worker.resume(1)
    assert not worker.runner.streams, "which has ended"


def test_what_never_fits_is_refused_whatever_is_kept_of_it() -> None:
    worker = Keeper(ScriptedRunner(pages=2 * HELD))
    worker.answered(1)
    worker.keep(1)
    worker.resume(1, Question(seed=1, max_tokens=10_000))
    assert worker.failed == [(1, FailureCode.TOO_LONG)]
    assert not worker.scheduler.kept
    assert not worker.runner.streams
