"""Turns of a conversation on the tiny checkpoint: what was heard before changes no token, drafted or not."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.family.vibevoice_asr.geometry import HOP
from model.family.vibevoice_asr.prompt import TemplatePrompt
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples, clip_level
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import MOST_LIKELY, Likeliest, Question
from tests.model.driver import asked, hear
from tests.support.samples import SAMPLES

MOST = 14
SYSTEM = "You write down who says what. <|im_end|>"


@pytest.fixture(params=[True, False], ids=["drafted", "plain"])
def runner(checkpoint: Checkpoint, request: pytest.FixtureRequest) -> Runner:
    return Runner(checkpoint, pages=400, page_size=16, drafts=request.param)


@pytest.fixture(scope="module")
def talk() -> Samples:
    samples: Samples = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")[0]
    return samples[: 14 * HOP - 100]


def write(runner: Runner, stream: int, question: Question) -> tuple[list[int], int]:
    """The first tokens of the answer, and how many inputs were queued for it. The question is taken back."""
    tokens: list[int] = []
    queued = first = asked(runner, stream, question)
    while len(tokens) < MOST and not set(tokens) & runner.info.stop_ids:
        tokens += runner.step(StepPlan(rows=(RowWork(stream, queued),))).emitted[0].tokens
        queued = 1
    runner.crop(stream)
    return tokens[:MOST], first


def listening(runner: Runner, stream: int, talk: Samples, system: str = "") -> None:
    runner.open(stream, clip_level(talk), system=system)
    hear(runner, stream, talk, whole=True)


def fresh(runner: Runner, talk: Samples, question: Question, system: str = "") -> tuple[list[int], int]:
    listening(runner, 99, talk, system)
    written = write(runner, 99, question)
    runner.release(99)
    return written


def test_what_was_said_before_is_not_computed_again_and_changes_no_token(runner: Runner, talk: Samples) -> None:
    """The same turn and the next, one that goes back to the first answer, another question, a prefix, another draw."""
    listening(runner, 1, talk)
    first, _ = write(runner, 1, Question(said=("",)))
    answer = runner._prompt.text([token for token in first if token not in runner.info.stop_ids])
    said = ("", answer, "Who speaks first?")
    conversations = [
        Question(said=("",)),
        Question(said=said),
        Question(said=(*said, "A man.", "And then?"), guess=answer),
        Question(said=("Is anybody angry?",)),
        Question(said=("",), begun=tuple(first[:6])),
        Question(said=said, temperature=0.7, seed=4),
        Question(said=("",)),
    ]
    audio = runner.counts(1).encoded
    for question in conversations:
        again, queued = write(runner, 1, question)
        alone, all_ = fresh(runner, talk, question)
        assert again == alone, question
        assert queued <= all_ - audio, question
        runner.check_integrity()
    _, queued = write(runner, 1, conversations[-1])
    assert queued == 1
    runner.release(1)
    assert runner.free_pages == runner.info.pages


def test_a_system_text_stands_where_the_template_has_its_own(checkpoint: Checkpoint, talk: Samples) -> None:
    """As plain text, whatever it spells; and the template's own words make no difference."""
    runner = Runner(checkpoint, pages=400, page_size=16)
    prompt, processor = runner._prompt, checkpoint.processor
    assert isinstance(prompt, TemplatePrompt)
    rendered = prompt.render(processor, None)
    own = rendered.partition("system\n")[2].partition("<|im_end|>")[0]
    assert prompt.before(own) == prompt.before("") == prompt.before_audio
    other = prompt.before(SYSTEM.partition(" <|")[0])
    by_template = prompt.render(processor, None, system=SYSTEM.partition(" <|")[0]).split(processor.audio_token)[0]
    assert other == processor.tokenizer(by_template, add_special_tokens=False).input_ids
    marks = set(prompt.before(SYSTEM)) & {processor.tokenizer.convert_tokens_to_ids("<|im_end|>")}
    assert prompt.before(SYSTEM).count(*marks) == prompt.before("").count(*marks)
    positions = runner.prompt_positions(40, Question(), system=SYSTEM) - runner.prompt_positions(40, Question())
    assert positions == len(prompt.before(SYSTEM)) - len(prompt.before_audio)
    assert fresh(runner, talk, Question(), SYSTEM)[0] != fresh(runner, talk, Question())[0]


def test_the_likeliest_tokens_of_every_place_are_told_and_change_nothing(runner: Runner, talk: Samples) -> None:
    """In company that does not ask for them too, in steps with guesses and with draws."""
    listening(runner, 1, talk)
    listening(runner, 2, talk)
    plain = Question()
    alone, _ = write(runner, 1, plain)
    for question in (Question(likeliest=True), Question(likeliest=True, temperature=0.8, seed=2)):
        asked(runner, 2, plain)
        queued = asked(runner, 1, question)
        told: list[Likeliest] = []
        tokens: list[int] = []
        logprobs: list[float] = []
        others: list[int] = []
        rows = [RowWork(1, queued), RowWork(2, runner.counts(2).queued)]
        while len(tokens) < MOST:
            for emitted in runner.step(StepPlan(rows=tuple(rows))).emitted:
                if emitted.stream == 2:
                    assert emitted.likeliest == ()
                    others += emitted.tokens
                    continue
                assert len(emitted.likeliest) == len(emitted.tokens)
                told += emitted.likeliest
                tokens += emitted.tokens
                logprobs += emitted.logprobs
            rows = [RowWork(1, 1), RowWork(2, 1)]
        assert others[:MOST] == alone
        for token, logprob, place in zip(tokens, logprobs, told, strict=True):
            assert len(dict(place)) == MOST_LIKELY
            values = [value for _, value in place]
            assert values == sorted(values, reverse=True)
            assert np.exp(values).sum() <= 1 + 1e-4
            if question.temperature == 0:
                assert place[0][0] == token
            assert dict(place).get(token, logprob) == pytest.approx(logprob, abs=1e-4)
        if question.temperature == 0:
            assert tokens[:MOST] == alone
        runner.crop(1)
        runner.crop(2)
