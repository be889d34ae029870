"""Questions behind a part of the last answer: what is in the KV cache is not computed again, and no token differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from tests.model.driver import asked, hear, opened
from tests.support.samples import SAMPLES

MOST = 40
WARMER = Question(temperature=0.6, seed=3)


@pytest.fixture(params=[True, False], ids=["drafted", "plain"])
def runner(checkpoint: Checkpoint, request: pytest.FixtureRequest) -> Runner:
    return Runner(checkpoint, pages=400, page_size=16, drafts=request.param)


@pytest.fixture(scope="module")
def talk() -> Samples:
    samples: Samples = soundfile.read(SAMPLES / "short.flac", dtype="float32")[0]
    return samples[: 24 * HOP - 100]


def write(runner: Runner, stream: int, question: Question, most: int = MOST) -> tuple[list[int], int]:
    """The first tokens of the answer, whose question still stands, and how many inputs were queued for it."""
    tokens: list[int] = []
    queued = first = asked(runner, stream, question)
    while len(tokens) < most and not set(tokens) & runner.info.stop_ids:
        tokens += runner.step(StepPlan(rows=(RowWork(stream, queued),))).emitted[0].tokens
        queued = 1
    return tokens[:most], first


def fresh(runner: Runner, clip: Samples, question: Question, *, whole: bool = True) -> list[int]:
    """The answer of a stream that was never asked before."""
    opened(runner, 99, clip)
    hear(runner, 99, clip, whole=whole)
    tokens, _ = write(runner, 99, question)
    runner.release(99)
    return tokens


def test_nothing_that_stands_is_computed_again(runner: Runner, talk: Samples) -> None:
    opened(runner, 1, talk)
    hear(runner, 1, talk, whole=True)
    tokens, _ = write(runner, 1, Question())
    pages = runner.free_pages
    runner.crop(1)
    assert runner.free_pages >= pages
    half, most = len(tokens) // 2, len(tokens) - 6
    for question, cut in ((Question(), half), (WARMER, most), (Question(), most), (WARMER, 0)):
        question = replace(question, begun=tuple(tokens[:cut]))
        again, queued = write(runner, 1, question)
        assert queued == 1, "the last of what stands"
        assert again == fresh(runner, talk, question)
        runner.crop(1)
        runner.check_integrity()
        if question.temperature == 0:
            assert again[: len(tokens) - cut] == tokens[cut:]


def test_only_what_differs_is_computed(runner: Runner, talk: Samples) -> None:
    """Forced tokens that the answer did not have; another context; and then the first question again."""
    opened(runner, 1, talk)
    hear(runner, 1, talk, whole=True)
    tokens, plain = write(runner, 1, Question())
    runner.crop(1)
    forced = tuple(tokens[:15] + tokens[5:15])
    again, queued = write(runner, 1, Question(begun=forced))
    assert 1 <= queued <= 10
    assert again == fresh(runner, talk, Question(begun=forced))
    runner.crop(1)
    other, queued = write(runner, 1, Question("monday, Kyjiw"))
    assert 10 < queued < plain + 20, "it names the context behind the audio"
    assert other == fresh(runner, talk, Question("monday, Kyjiw"))
    runner.crop(1)
    assert write(runner, 1, Question())[0] == tokens
    runner.check_integrity()


def test_audio_that_comes_takes_its_place(runner: Runner, talk: Samples) -> None:
    """Also where it is not yet a frame, and where silence fills one up."""
    first, more = talk[: 9 * HOP + 5], talk[9 * HOP + 5 : 12 * HOP]
    opened(runner, 1, talk)
    hear(runner, 1, first)
    tokens, _ = write(runner, 1, Question())
    runner.crop(1)
    runner.pad(1)
    hear(runner, 1, first[:0])
    assert runner.counts(1).encoded == 10
    _, queued = write(runner, 1, Question(begun=tuple(tokens[:4])))
    assert queued > 20
    runner.crop(1)
    hear(runner, 1, more)
    write(runner, 1, Question())
    runner.crop(1)
    used = runner.info.pages - runner.free_pages
    runner.append(1, more[:7])
    assert runner.info.pages - runner.free_pages < used, "nobody can go on behind it any more"
    runner.check_integrity()
    runner.release(1)
    assert runner.free_pages == runner.info.pages


@pytest.mark.parametrize("ahead", [False, True], ids=["read", "under way"])
def test_a_step_under_way_leaves_nothing_wrong_behind(checkpoint: Checkpoint, talk: Samples, ahead: bool) -> None:
    """Its token, and what was guessed behind it, are in the KV cache and nobody knows whether they are right."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner = Runner(checkpoint, pages=400, page_size=16)
    random = np.random.default_rng(1)
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    whole, _ = write(runner, 1, Question(), 110)
    for _ in range(5):
        runner.crop(1)
        begun = tuple(whole[: random.integers(len(whole) // 2)])
        tokens, queued = list(begun), asked(runner, 1, Question(begun=begun))
        pending = runner.launch(StepPlan(rows=(RowWork(1, queued),)))
        for _ in range(random.integers(12)):
            if len(tokens) > len(whole) - 30:
                break
            if not runner.counts(1).queued:  # its guesses are not verified before it is read
                tokens += pending.read().emitted[0].tokens
                pending = runner.launch(StepPlan(rows=(RowWork(1, runner.counts(1).queued),)))
            else:
                following = runner.launch(StepPlan(rows=(RowWork(1, runner.counts(1).queued),)))
                tokens += pending.read().emitted[0].tokens
                pending = following
        assert tokens == whole[: len(tokens)]
        if not ahead:
            pending.read()
        runner.crop(1)
        if ahead:
            assert pending.read().emitted == ()
        runner.check_integrity()
        kept = tuple(tokens)
        rest, queued = write(runner, 1, Question(begun=kept), 110 - len(kept))
        assert queued <= 2
        assert list(kept) + rest == whole
