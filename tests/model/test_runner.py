"""The equalities of the engine, in fp32, token for token, against Transformers' ``generate``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import torch

from model.loading.checkpoint import Checkpoint
from model.reference import without_noise
from model.runner.runner import Runner
from model.seam.audio import HOP, Samples, clip_level, frame_count
from model.seam.steps import Emitted, EncodeWork, PendingStep, RowWork, StepPlan
from model.seam.streams import Question, StreamSpec
from tests.model.driver import Driver, Job
from tests.model.oracle import Oracle
from tests.support.samples import SAMPLES

TOKENS = 48


@pytest.fixture(params=[True, False], ids=["drafted", "plain"])
def runner(checkpoint: Checkpoint, request: pytest.FixtureRequest) -> Runner:
    return Runner(checkpoint, pages=400, page_size=16, drafts=request.param)


@pytest.fixture(scope="module")
def alone(oracle: Oracle, clips: list[Samples]) -> list[list[int]]:
    """What ``generate`` answers to each clip on its own."""
    return [oracle.answer(clip, tokens=TOKENS) for clip in clips]


def job(clip: Samples, **spec: object) -> Job:
    return Job(StreamSpec(level=clip_level(clip), force_header=False, **spec), clip, TOKENS)  # type: ignore[arg-type]


def answer(runner: Runner, stream: int, tokens: int, question: Question = Question()) -> list[int]:  # noqa: B008
    """Ask a stream, decode it, all queued inputs in one row first, and withdraw the question."""
    return answer_counted(runner, stream, tokens, question)[0]


def answer_counted(runner: Runner, stream: int, tokens: int, question: Question) -> tuple[list[int], int]:
    """As ``answer``, with the number of forwards it took."""
    got: list[int] = []
    forwards = 0
    positions = runner.ask(stream, question).queued
    while len(got) < tokens and not (got and got[-1] in runner.info.stop_ids):
        (emitted,) = runner.step(StepPlan(rows=(RowWork(stream, positions),))).emitted
        got += emitted.tokens
        positions = 1
        forwards += 1
    runner.withdraw(stream)
    return got[:tokens], forwards


def hear(runner: Runner, stream: int, clip: Samples) -> None:
    """Append audio and encode every whole frame of it."""
    if frames := runner.append_audio(stream, clip):
        runner.step(StepPlan(encode=(EncodeWork(stream, frames),)))


@pytest.mark.parametrize("ahead", [False, True], ids=["read at once", "launched ahead"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_company_and_any_chunks_equal_generate_alone(
    runner: Runner, clips: list[Samples], alone: list[list[int]], seed: int, ahead: bool
) -> None:
    jobs = [job(clip) for clip in clips]
    Driver(runner, seed, ahead=ahead).run(jobs)
    assert [j.answer for j in jobs] == alone
    assert runner.free_pages == runner.info.pages


def test_generates_left_padded_batch_gives_the_same(
    oracle: Oracle, clips: list[Samples], alone: list[list[int]]
) -> None:
    assert oracle.answers(clips, tokens=TOKENS) == alone


def test_contexts_reach_the_answer(runner: Runner, oracle: Oracle, clips: list[Samples]) -> None:
    contexts = ["monday, tuesday", "Kyjiw\nRTX 5090", None]
    jobs = [job(clip, context=context) for clip, context in zip(clips, contexts, strict=False)]
    Driver(runner, 5).run(jobs)
    wanted = [oracle.answer(c, context=t, tokens=TOKENS) for c, t in zip(clips, contexts, strict=False)]
    assert [j.answer for j in jobs] == wanted


def test_forced_start_continues_like_generate(
    runner: Runner, checkpoint: Checkpoint, oracle: Oracle, clips: list[Samples]
) -> None:
    clip, prefix = clips[0], '[{"Start":0.00,"End":1.20,"Speaker":0,"Content":"One two."},'
    text = "<|im_start|>assistant\n" + prefix
    forced = checkpoint.processor.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    inputs = oracle.inputs([clip])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], forced], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    model: Any = checkpoint.model
    with torch.inference_mode():
        output = model.generate(**inputs, **without_noise(model), max_new_tokens=20)
    wanted = output[0, inputs["input_ids"].shape[1] :].tolist()
    runner.open(1, StreamSpec(level=clip_level(clip)))
    runner.append_audio(1, clip)
    runner.step(StepPlan(encode=(EncodeWork(1, runner.finish_audio(1)),)))
    got = answer(runner, 1, 20, Question(prefix))
    assert got == wanted[: len(got)]


def test_append_and_crop_equal_a_fresh_stream(runner: Runner, clips: list[Samples]) -> None:
    """A growing recording, asked again after every piece, answers as if it had been fed at once."""
    clip = clips[4][: 40 * HOP]
    spec = StreamSpec(level=clip_level(clip), force_header=False)
    runner.open(0, spec)
    for number, (start, end) in enumerate([(0, 7), (7, 8), (8, 21), (21, 40)], start=1):
        hear(runner, 0, clip[start * HOP : end * HOP])
        grown = answer(runner, 0, 25)
        runner.open(number, spec)
        hear(runner, number, clip[: end * HOP])
        assert grown == answer(runner, number, 25)
        runner.release(number)
        runner.check_integrity()
    runner.release(0)
    assert runner.free_pages == runner.info.pages


def test_a_forced_segment_leaves_what_follows_it_to_the_model(runner: Runner, checkpoint: Checkpoint) -> None:
    """The answer behind some of its own segments is the rest of it, from the token that holds the closing brace on."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner.open(1, StreamSpec(level=clip_level(clip)))
    runner.append_audio(1, clip)
    runner.step(StepPlan(encode=(EncodeWork(1, runner.finish_audio(1)),)))
    whole = answer(runner, 1, 400)
    text = checkpoint.processor.tokenizer.decode(whole, skip_special_tokens=True)
    segments = text.strip().removesuffix("]").split("},")
    for count in (1, len(segments)):
        prefix = "},".join(segments[:count]).removesuffix("}") + "}"
        forced = runner.ask(1, Question(prefix)).forced
        runner.withdraw(1)
        rest = answer(runner, 1, 400, Question(prefix))
        decode = checkpoint.processor.tokenizer.decode
        assert forced + decode(rest) == decode(whole)
        assert rest == whole[len(whole) - len(rest) :]
        assert prefix.removeprefix(forced) == decode(rest[:1])  # forced too, the brace would leave that token out


def test_a_guess_changes_the_speed_and_no_token(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    runner = Runner(checkpoint, pages=400, page_size=16)
    runner.open(0, StreamSpec(level=clip_level(clips[0])))
    hear(runner, 0, clips[0][: clips[0].size // HOP * HOP])
    plain, forwards = answer_counted(runner, 0, 40, Question())
    text = checkpoint.processor.tokenizer.decode(plain)
    again, verified = answer_counted(runner, 0, 40, Question(guess=text))
    assert again == plain
    assert verified <= 2 < forwards
    for kept in (0, 1, 17, 39):
        assert answer(runner, 0, 40, Question(guess=text[:kept] + " eight, Kyjiw" * 9)) == plain
        runner.check_integrity()


def test_a_guess_that_is_wrong_in_one_place_still_helps(checkpoint: Checkpoint) -> None:
    """As in a live stream, where the end of the last segment moves with every update."""
    clip, _ = soundfile.read(SAMPLES / "short.flac", dtype="float32")
    runner = Runner(checkpoint, pages=400, page_size=16)
    runner.open(0, StreamSpec(level=clip_level(clip)))
    hear(runner, 0, clip)
    plain, forwards = answer_counted(runner, 0, 200, Question())
    text = checkpoint.processor.tokenizer.decode(plain, skip_special_tokens=True)
    moved = re.sub(r'"End":\d+\.\d+', '"End":33.33', text)
    assert moved != text
    again, verified = answer_counted(runner, 0, 200, Question(guess=moved))
    assert again == plain
    assert verified < forwards / 2


def test_a_seed_draws_the_same_answer_in_any_company(runner: Runner, clips: list[Samples]) -> None:
    def drawn(company: int, seed: int) -> list[int]:
        mine = job(clips[0], temperature=1.0, seed=seed)
        Driver(runner, company, ahead=company > 0).run([mine, *(job(clip) for clip in clips[1 : 1 + company])])
        return mine.answer

    first = drawn(0, seed=11)
    assert drawn(3, seed=11) == first
    assert drawn(0, seed=12) != first


def test_logprobs_are_the_models(runner: Runner, checkpoint: Checkpoint, oracle: Oracle, clips: list[Samples]) -> None:
    mine = job(clips[2])
    Driver(runner, 1).run([mine, job(clips[3])])
    inputs = oracle.inputs([clips[2]])
    prompt = inputs["input_ids"].shape[1]
    inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([mine.answer])], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    with torch.inference_mode():
        logits = checkpoint.model(**inputs, **without_noise(checkpoint.model)).logits[0, prompt - 1 : -1]
    wanted = logits.log_softmax(-1).gather(-1, torch.tensor(mine.answer)[:, None])[:, 0]
    np.testing.assert_allclose(mine.logprobs, wanted.numpy(), atol=2e-4)


def test_release_at_every_stage_leaves_nothing(runner: Runner, clips: list[Samples]) -> None:
    spec = StreamSpec(level=clip_level(clips[0]))

    def opened(stream: int) -> None:
        runner.open(stream, spec)

    def fed(stream: int) -> None:
        opened(stream)
        runner.append_audio(stream, clips[0])

    def encoded(stream: int) -> None:
        fed(stream)
        runner.step(StepPlan(encode=(EncodeWork(stream, runner.finish_audio(stream)),), rows=(RowWork(stream, 3),)))

    def answering(stream: int) -> None:
        encoded(stream)
        runner.step(StepPlan(rows=(RowWork(stream, runner.ask(stream).queued),)))

    for stream, stage in enumerate((opened, fed, encoded, answering)):
        stage(stream)
        runner.release(stream)
        runner.check_integrity()
        assert runner.free_pages == runner.info.pages
        with pytest.raises(KeyError):
            runner.release(stream)


def test_prompt_positions_foretell_the_prompt(runner: Runner, clips: list[Samples]) -> None:
    spec = StreamSpec(level=clip_level(clips[0]), context="red, blue")
    frames = frame_count(clips[0].size)
    queued = runner.open(1, spec)
    runner.append_audio(1, clips[0])
    runner.step(StepPlan(encode=(EncodeWork(1, runner.finish_audio(1)),), rows=(RowWork(1, queued),)))
    assert runner.prompt_positions(spec, frames) == queued + runner.ask(1).queued


def test_misuse_is_refused(runner: Runner, clips: list[Samples]) -> None:
    runner.open(1, StreamSpec())
    with pytest.raises(ValueError, match="open already"):
        runner.open(1, StreamSpec())
    runner.append_audio(1, clips[0])
    with pytest.raises(ValueError, match="not encoded"):
        runner.ask(1)
    with pytest.raises(ValueError, match="queued"):
        runner.step(StepPlan(rows=(RowWork(1, 10_000),)))
    runner.step(StepPlan(encode=(EncodeWork(1, runner.finish_audio(1)),)))
    with pytest.raises(ValueError, match="after its end"):
        runner.append_audio(1, clips[0])
    runner.ask(1)
    with pytest.raises(ValueError, match="asked already"):
        runner.ask(1)


def test_a_question_can_be_withdrawn_before_its_audio_was_computed(runner: Runner, clips: list[Samples]) -> None:
    clip = clips[2][: clips[2].size // HOP * HOP]
    spec = StreamSpec(level=clip_level(clip))
    for number in (1, 2):
        runner.open(number, spec)
        hear(runner, number, clip)
    runner.step(StepPlan(rows=(RowWork(1, 9),)))
    queued = runner.ask(1).queued
    runner.step(StepPlan(rows=(RowWork(1, 11),)))
    assert 0 < runner.withdraw(1) < queued - 11
    assert answer(runner, 1, 25) == answer(runner, 2, 25)


def test_guesses_ride_behind_a_token_that_nobody_has_read(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    """Launched ahead, a row's last token is never known; what is foreseen behind it is verified all the same."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner = Runner(checkpoint, pages=400, page_size=16)
    spec = StreamSpec(level=clip_level(clip))
    ran = []
    for ahead in (False, True):
        mine = Job(spec, clip, 400)
        Driver(runner, 7, ahead=ahead).run([mine])
        ran.append(mine.answer)
    assert ran[0] == ran[1]
    runner.open(1, spec)
    hear(runner, 1, clip)
    pending: PendingStep | None = None
    emitted: list[Emitted] = []
    positions = runner.ask(1).queued
    while not emitted or emitted[-1].tokens[-1] not in runner.info.stop_ids:
        before, pending = pending, runner.launch(StepPlan(rows=(RowWork(1, positions),)))
        if before is not None:
            emitted += before.read().emitted
        if pending.held:
            emitted += pending.read().emitted
            pending = None
        positions = 1
    runner.release(1)
    assert [token for out in emitted for token in out.tokens] == ran[0]
    assert len(emitted) < len(ran[0]) / 1.8, "guesses about the unread token itself would help less"


def test_phrases_of_the_prompt_and_of_the_answer_change_no_token(checkpoint: Checkpoint) -> None:
    """Neither with words that are said in the prompt, nor with what looks like an answer there."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    context = 'Kyjiw, monday seven, RTX 5090, red train, tomorrow\n"},{"Start":1,"End":2.\nseven, seven eight'
    ran = []
    for drafts, ahead in ((False, False), (True, False), (True, True)):
        runner = Runner(checkpoint, pages=400, page_size=16, drafts=drafts)
        jobs = [Job(StreamSpec(level=clip_level(clip), context=wanted), clip, 200) for wanted in (context, None)]
        Driver(runner, 3, ahead=ahead).run(jobs)
        ran.append([mine.answer for mine in jobs])
        runner.check_integrity()
        assert runner.free_pages == runner.info.pages
    assert ran[0] == ran[1] == ran[2]


def test_a_guess_never_exceeds_what_is_reserved(checkpoint: Checkpoint) -> None:
    """Behind every input of an answer there is room for draft_positions more, whatever is foreseen."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner = Runner(checkpoint, pages=4000, page_size=1)
    runner.open(0, StreamSpec(level=clip_level(clip), context=", ".join(["one two three four five six seven"] * 40)))
    hear(runner, 0, clip)
    positions, longest, token = runner.ask(0).queued, 0, -1
    while token not in runner.info.stop_ids:
        free = runner.free_pages - positions
        pending = runner.launch(StepPlan(rows=(RowWork(0, positions),)))
        longest = max(longest, free - runner.free_pages)
        (emitted,) = pending.read().emitted
        token, positions = emitted.tokens[-1], 1
    assert 4 < longest <= runner.info.draft_positions
