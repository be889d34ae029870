"""Answers that go on behind tokens that were given before, as after a worker's death: in fp32, token for token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from tests.model.driver import Driver, Job, asked, hear, opened
from tests.support.samples import SAMPLES

MOST = 120
ROUNDING = 1e-3
"""Of log-probabilities: inputs that were computed one by one are computed in one row now."""


@pytest.fixture(params=[True, False], ids=["drafted", "plain"])
def runner(checkpoint: Checkpoint, request: pytest.FixtureRequest) -> Runner:
    return Runner(checkpoint, pages=400, page_size=16, drafts=request.param)


@pytest.fixture(scope="module")
def talk() -> Samples:
    samples: Samples = soundfile.read(SAMPLES / "short.flac", dtype="float32")[0]
    return samples


def answered(runner: Runner, stream: int, question: Question, most: int = MOST) -> tuple[list[int], list[float]]:
    """Ask a stream, decode it and take the question back. The stop token is the last there is."""
    tokens: list[int] = []
    logprobs: list[float] = []
    positions = asked(runner, stream, question)
    while len(tokens) < most and not (tokens and tokens[-1] in runner.info.stop_ids):
        (emitted,) = runner.step(StepPlan(rows=(RowWork(stream, positions),))).emitted
        tokens += emitted.tokens
        logprobs += emitted.logprobs
        positions = 1
    runner.crop(stream)
    return tokens[:most], logprobs[:most]


@pytest.mark.parametrize(
    "question",
    [Question(), Question("monday, Kyjiw", temperature=0.9, seed=7), Question(force_header=False)],
    ids=["likeliest", "drawn", "with the header"],
)
def test_an_answer_goes_on_from_wherever_it_was_cut(runner: Runner, talk: Samples, question: Question) -> None:
    opened(runner, 1, talk)
    hear(runner, 1, talk, whole=True)
    tokens, logprobs = answered(runner, 1, question)
    assert len(tokens) > 25
    for cut in range(len(tokens)):
        rest, scores = answered(runner, 1, replace(question, begun=tuple(tokens[:cut])), most=4)
        assert rest == tokens[cut : cut + len(rest)]
        assert rest
        np.testing.assert_allclose(scores, logprobs[cut : cut + len(rest)], atol=ROUNDING)
        runner.check_integrity()


def test_behind_closed_segments_and_with_a_guess(runner: Runner, checkpoint: Checkpoint) -> None:
    """As a live session asks: what was given stands behind the forced start, and the guess goes on behind it."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    decode = checkpoint.processor.tokenizer.decode
    text = decode(answered(runner, 1, Question(), 400)[0], skip_special_tokens=True)
    prefix = text.partition("},")[0] + "}"
    question = Question(prefix=prefix, guess=text.replace('"End":', '"End":1'))
    forced = runner.ask(1, question)
    runner.crop(1)
    tokens, _ = answered(runner, 1, question, 400)
    assert forced + decode(tokens, skip_special_tokens=True) == text
    for cut in (1, 2, len(tokens) // 2, len(tokens) - 1):
        begun = replace(question, begun=tuple(tokens[:cut]))
        assert runner.ask(1, begun) == forced
        runner.crop(1)
        assert answered(runner, 1, begun, 400)[0] == tokens[cut:]


@pytest.mark.parametrize("ahead", [False, True], ids=["read at once", "launched ahead"])
def test_in_any_company_and_in_any_chunks(runner: Runner, clips: list[Samples], talk: Samples, ahead: bool) -> None:
    questions = [Question(), Question("red, blue"), Question(temperature=1.0, seed=3), Question(temperature=0.5)]
    asking = list(zip([talk, clips[0], clips[2], talk], questions, strict=True))
    whole = [Job(clip, MOST, question) for clip, question in asking]
    Driver(runner, 1, ahead=ahead).run(whole)
    cuts = np.random.default_rng(int(ahead)).integers(1, [len(job.answer) for job in whole], (2, len(whole)))
    for number, row in enumerate(cuts.tolist()):
        rest = [
            Job(job.clip, MOST - cut, replace(job.question, begun=tuple(job.answer[:cut])))
            for job, cut in zip(whole, row, strict=True)
        ]
        Driver(runner, 5 + number, ahead=ahead).run(rest)
        for job, cut, gone_on in zip(whole, row, rest, strict=True):
            assert gone_on.answer == job.answer[cut:]
            np.testing.assert_allclose(gone_on.logprobs, job.logprobs[cut:], atol=ROUNDING)
    assert runner.free_pages == runner.info.pages


def test_what_was_given_is_counted(runner: Runner, talk: Samples) -> None:
    """And guesses leave room for no more than is left of the longest answer."""
    opened(runner, 1, talk)
    hear(runner, 1, talk, whole=True)
    tokens, _ = answered(runner, 1, Question(), 30)
    plain = asked(runner, 1) + runner.counts(1).cached
    runner.crop(1)
    begun = Question(begun=tuple(tokens[:20]), max_tokens=21, guess="[" + '{"Start":0,"End":1,' * 9)
    queued = asked(runner, 1, begun)
    assert queued + runner.counts(1).cached == plain + 20
    assert runner.counts(1).answered == 20
    (emitted,) = runner.step(StepPlan(rows=(RowWork(1, queued),))).emitted
    assert emitted.tokens[0] == tokens[20]
    assert runner.counts(1).answered == 20 + len(emitted.tokens)
