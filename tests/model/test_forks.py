"""Two streams about one recording: what the second one has of the first is what it would have heard by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import soundfile  # type: ignore[import-untyped]

from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Level, Samples
from model.seam.steps import EncodeWork, RowWork, StepPlan
from model.seam.streams import CannotFork, Question
from tests.support.samples import SAMPLES

FIRST, SECOND = Question(), Question("Ada Lovelace", temperature=0.7, seed=3)
PAGES, PAGE = 40, 16


@pytest.fixture
def runner(checkpoint: Checkpoint) -> Iterator[Runner]:
    runner = Runner(checkpoint, pages=PAGES, page_size=PAGE)
    yield runner
    runner.check_integrity()


@pytest.fixture(scope="module")
def samples() -> Samples:
    clip: Samples = soundfile.read(SAMPLES / "short.flac", dtype="float32")[0]
    return clip


def hear(runner: Runner, stream: int, samples: Samples) -> None:
    runner.open(stream, Level())
    runner.append(stream, samples)
    runner.pad(stream)
    runner.step(StepPlan(encode=(EncodeWork(stream, runner.counts(stream).waiting),)))


def answers(runner: Runner, questions: dict[int, Question]) -> dict[int, list[int]]:
    """What all of them answer, in the same steps."""
    for stream, question in questions.items():
        runner.ask(stream, question)
    told: dict[int, list[int]] = {stream: [] for stream in questions}
    while open_ones := [stream for stream in told if not runner.info.stop_ids & set(told[stream])]:
        rows = tuple(RowWork(stream, runner.counts(stream).queued) for stream in open_ones)
        for emitted in runner.step(StepPlan(rows=rows)).emitted:
            told[emitted.stream] += emitted.tokens
    return told


def alone(runner: Runner, question: Question, samples: Samples) -> list[int]:
    hear(runner, 99, samples)
    told = answers(runner, {99: question})[99]
    runner.release(99)
    return told


def test_a_fork_answers_what_one_that_heard_it_answers_and_takes_no_pages_for_it(
    runner: Runner, samples: Samples
) -> None:
    expected = [alone(runner, question, samples) for question in (FIRST, SECOND)]
    hear(runner, 1, samples)
    assert answers(runner, {1: FIRST})[1] == expected[0]
    runner.crop(1)
    held = runner.free_pages
    audio = runner.counts(1).cached
    runner.fork(2, 1)
    runner.fork(3, 2)
    assert held - runner.free_pages <= 2, "a page that is not full each"
    assert runner.counts(2).cached == runner.counts(3).cached == audio
    both = answers(runner, {1: FIRST, 2: SECOND, 3: FIRST})
    assert [both[1], both[2], both[3]] == [expected[0], expected[1], expected[0]]
    runner.check_integrity()
    runner.release(1)
    runner.crop(2)
    assert answers(runner, {2: FIRST})[2] == expected[0], "it stays as long as somebody has it"
    for stream in (2, 3):
        runner.release(stream)
    assert runner.free_pages == PAGES


def test_a_fork_is_made_while_the_other_one_answers(runner: Runner, samples: Samples) -> None:
    expected = [alone(runner, question, samples) for question in (FIRST, SECOND)]
    hear(runner, 1, samples)
    runner.ask(1, FIRST)
    told: dict[int, list[int]] = {1: [], 2: []}
    for step in range(500):
        if step == 8:
            assert told[1], "in the middle"
            runner.fork(2, 1)
            runner.ask(2, SECOND)
        rows = [RowWork(s, runner.counts(s).queued) for s in told if s == 1 or step >= 8]
        rows = [row for row in rows if not runner.info.stop_ids & set(told[row.stream])]
        if not rows:
            break
        for emitted in runner.step(StepPlan(rows=tuple(rows))).emitted:
            told[emitted.stream] += emitted.tokens
    assert [told[1], told[2]] == expected
    for stream in (1, 2):
        runner.release(stream)


def test_what_cannot_be_forked_says_so_and_takes_nothing(runner: Runner, samples: Samples) -> None:
    with pytest.raises(KeyError):
        runner.fork(2, 1)
    runner.open(1, Level())
    runner.append(1, samples[HOP:])  # all of it would fill its last page
    with pytest.raises(CannotFork, match="not heard"):
        runner.fork(2, 1)
    runner.pad(1)
    runner.step(StepPlan(encode=(EncodeWork(1, runner.counts(1).waiting),)))
    with pytest.raises(CannotFork, match="not heard"):
        runner.fork(2, 1)
    runner.step(StepPlan(rows=(RowWork(1, runner.counts(1).queued),)))
    runner.fork(2, 1)
    with pytest.raises(ValueError, match="open already"):
        runner.fork(2, 1)
    with pytest.raises(ValueError, match="hears nothing"):
        runner.append(2, samples)
    assert runner.counts(1).cached % PAGE, "each takes a page"
    full = range(3, 3 + runner.free_pages)
    for stream in full:
        runner.fork(stream, 1)
    with pytest.raises(CannotFork, match="pages"):
        runner.fork(full.stop, 1)
    for stream in (1, 2, *full):
        runner.release(stream)
