"""The equalities of the engine, in fp32, token for token, against Transformers' ``generate``."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import torch

from model.family.vibevoice_asr.geometry import GEOMETRY, HOP
from model.loading.checkpoint import Checkpoint
from model.reference import without_noise
from model.runner.runner import Runner
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from model.seam.steps import Emitted, EncodeWork, PendingStep, RowWork, StepPlan
from model.seam.streams import Question, StreamCounts
from tests.model.driver import Driver, Job, asked, hear, opened
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


def job(clip: Samples, question: Question = Question()) -> Job:  # noqa: B008 - frozen
    return Job(clip, TOKENS, replace(question, force_header=False))


def answer(runner: Runner, stream: int, tokens: int, question: Question = Question()) -> list[int]:  # noqa: B008
    """Ask a stream, decode it, all queued inputs in one row first, and take the question back."""
    return answer_counted(runner, stream, tokens, question)[0]


def answer_counted(runner: Runner, stream: int, tokens: int, question: Question) -> tuple[list[int], int]:
    """As ``answer``, with the number of forwards it took."""
    got: list[int] = []
    forwards = 0
    positions = asked(runner, stream, question)
    while len(got) < tokens and not (got and got[-1] in runner.info.stop_ids):
        (emitted,) = runner.step(StepPlan(rows=(RowWork(stream, positions),))).emitted
        got += emitted.tokens
        positions = 1
        forwards += 1
    runner.crop(stream)
    return got[:tokens], forwards


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
    jobs = [job(clip, Question(context)) for clip, context in zip(clips, contexts, strict=False)]
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
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    got = answer(runner, 1, 20, Question(prefix=prefix))
    assert got == wanted[: len(got)]


def test_append_and_crop_equal_a_fresh_stream(runner: Runner, clips: list[Samples]) -> None:
    """A growing recording, asked again after every piece, answers as if it had been fed at once."""
    clip = clips[4][: 40 * HOP]
    itself = Question(force_header=False)
    opened(runner, 0, clip)
    for number, (start, end) in enumerate([(0, 7), (7, 8), (8, 21), (21, 40)], start=1):
        hear(runner, 0, clip[start * HOP : end * HOP])
        grown = answer(runner, 0, 25, itself)
        opened(runner, number, clip)
        hear(runner, number, clip[: end * HOP])
        assert grown == answer(runner, number, 25, itself)
        runner.release(number)
        runner.check_integrity()
    runner.release(0)
    assert runner.free_pages == runner.info.pages


def test_a_forced_segment_leaves_what_follows_it_to_the_model(runner: Runner, checkpoint: Checkpoint) -> None:
    """The answer behind some of its own segments is the rest of it, from the token that holds the closing brace on."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    whole = answer(runner, 1, 400)
    text = checkpoint.processor.tokenizer.decode(whole, skip_special_tokens=True)
    segments = text.strip().removesuffix("]").split("},")
    for count in (1, len(segments)):
        prefix = "},".join(segments[:count]).removesuffix("}") + "}"
        forced = runner.ask(1, Question(prefix=prefix))
        runner.crop(1)
        rest = answer(runner, 1, 400, Question(prefix=prefix))
        decode = checkpoint.processor.tokenizer.decode
        assert forced + decode(rest) == decode(whole)
        assert rest == whole[len(whole) - len(rest) :]
        assert prefix.removeprefix(forced) == "}"  # forced too, the brace would leave the token out that holds it
        assert decode(rest[:1]).startswith("}")


def test_a_guess_changes_the_speed_and_no_token(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    runner = Runner(checkpoint, pages=400, page_size=16)
    opened(runner, 0, clips[0])
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
    opened(runner, 0, clip)
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
        mine = job(clips[0], Question(temperature=1.0, seed=seed))
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
    def fed(stream: int) -> None:
        opened(runner, stream, clips[0])
        runner.append(stream, clips[0])

    def encoded(stream: int) -> None:
        opened(runner, stream, clips[0])
        hear(runner, stream, clips[0], whole=True)
        runner.step(StepPlan(rows=(RowWork(stream, 3),)))

    def answering(stream: int) -> None:
        encoded(stream)
        runner.step(StepPlan(rows=(RowWork(stream, asked(runner, stream)),)))

    stages = (lambda stream: opened(runner, stream, clips[0]), fed, encoded, answering)
    for stream, stage in enumerate(stages):
        stage(stream)
        runner.release(stream)
        runner.check_integrity()
        assert runner.free_pages == runner.info.pages
        with pytest.raises(KeyError):
            runner.release(stream)


def test_prompt_positions_foretell_the_prompt(runner: Runner, clips: list[Samples]) -> None:
    question = Question("red, blue")
    opened(runner, 1, clips[0])
    hear(runner, 1, clips[0], whole=True)
    assert runner.prompt_positions(GEOMETRY.frames(clips[0].size), question) == asked(runner, 1, question)


def test_counts_say_what_there_is_after_every_verb(runner: Runner, clips: list[Samples]) -> None:
    clip, before = clips[0][: 10 * HOP + 5], runner.prompt_positions(0, Question()) - asked_alone(runner)
    opened(runner, 1, clip)
    assert runner.counts(1) == StreamCounts(queued=before)
    runner.append(1, clip)
    assert runner.counts(1) == StreamCounts(waiting=10, queued=before)
    runner.step(StepPlan(encode=(EncodeWork(1, 7),), rows=(RowWork(1, before),)))
    assert runner.counts(1) == StreamCounts(waiting=3, encoded=7, queued=7, cached=before)
    runner.pad(1)
    runner.pad(1)
    assert runner.counts(1).waiting == 4
    runner.step(StepPlan(encode=(EncodeWork(1, 4),)))
    prompt = before + asked(runner, 1)
    pending = runner.launch(StepPlan(rows=(RowWork(1, prompt - before),)))
    launched = runner.counts(1)
    (emitted,) = pending.read().emitted
    counts = runner.counts(1)
    assert (counts.queued, counts.answered) == (1, len(emitted.tokens))
    assert counts.cached == prompt + len(emitted.tokens) - 1
    assert launched.queued == int(not pending.held)
    runner.crop(1)
    kept = counts.cached - (before + 11)
    assert runner.counts(1) == replace(counts, queued=0, cached=before + 11, kept=kept)


def asked_alone(runner: Runner) -> int:
    """Inputs behind the audio of a question about none."""
    runner.open(99)
    before = runner.counts(99).queued
    queued = asked(runner, 99) - before
    runner.release(99)
    return queued


def test_misuse_is_refused(runner: Runner, clips: list[Samples]) -> None:
    runner.open(1)
    with pytest.raises(ValueError, match="open already"):
        runner.open(1)
    runner.append(1, clips[0])
    with pytest.raises(ValueError, match="not encoded"):
        runner.ask(1)
    with pytest.raises(ValueError, match="queued"):
        runner.step(StepPlan(rows=(RowWork(1, 10_000),)))
    hear(runner, 1, clips[0], whole=True)
    runner.ask(1)
    with pytest.raises(ValueError, match="asked already"):
        runner.ask(1)


def test_the_last_frame_is_filled_up_and_the_duration_is_that_of_the_audio(
    runner: Runner, checkpoint: Checkpoint, clips: list[Samples]
) -> None:
    """Silence behind the recording is heard and not counted, until more audio stands behind it."""
    clip, more = clips[0][: 4 * HOP + HOP // 2], clips[0][: 2 * HOP]
    written: list[str] = []

    def instruction() -> None:
        start = runner.counts(1)
        runner.ask(1)
        inputs = runner._streams[1].queue.take(runner.counts(1).queued)
        ids = [token for part in inputs if isinstance(part, list) for token in part]
        written.append(checkpoint.processor.tokenizer.decode(ids))
        runner.release(1)
        assert start.waiting == 0

    opened(runner, 1, clip)
    hear(runner, 1, clip)
    instruction()
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    assert runner.counts(1).encoded == 5
    instruction()
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    hear(runner, 1, more)
    assert runner.counts(1).encoded == 7
    instruction()
    for text, samples in zip(written, (4 * HOP, clip.size, 7 * HOP), strict=True):
        assert f"{samples / SAMPLE_RATE:.2f} seconds" in text


def test_a_question_can_be_taken_back_before_its_audio_was_computed(runner: Runner, clips: list[Samples]) -> None:
    clip = clips[2][: clips[2].size // HOP * HOP]
    for number in (1, 2):
        opened(runner, number, clip)
        hear(runner, number, clip)
    runner.step(StepPlan(rows=(RowWork(1, 9),)))
    queued = asked(runner, 1)
    runner.step(StepPlan(rows=(RowWork(1, 11),)))
    runner.crop(1)
    assert 0 < runner.counts(1).queued < queued - 11
    assert answer(runner, 1, 25) == answer(runner, 2, 25)


def test_guesses_ride_behind_a_token_that_nobody_has_read(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    """Launched ahead, a row's last token is never known; what is foreseen behind it is verified all the same."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner = Runner(checkpoint, pages=400, page_size=16)
    ran = []
    for ahead in (False, True):
        mine = Job(clip, 400)
        Driver(runner, 7, ahead=ahead).run([mine])
        ran.append(mine.answer)
    assert ran[0] == ran[1]
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    pending: PendingStep | None = None
    emitted: list[Emitted] = []
    positions = asked(runner, 1)
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
        jobs = [Job(clip, 200, Question(wanted)) for wanted in (context, None)]
        Driver(runner, 3, ahead=ahead).run(jobs)
        ran.append([mine.answer for mine in jobs])
        runner.check_integrity()
        assert runner.free_pages == runner.info.pages
    assert ran[0] == ran[1] == ran[2]


def test_a_guess_never_exceeds_what_is_reserved(checkpoint: Checkpoint) -> None:
    """Behind every input of an answer there is room for draft_positions more, whatever is foreseen."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner = Runner(checkpoint, pages=4000, page_size=1)
    question = Question(", ".join(["one two three four five six seven"] * 40))
    opened(runner, 0, clip)
    hear(runner, 0, clip)
    positions, longest, token = asked(runner, 0, question), 0, -1
    while token not in runner.info.stop_ids:
        free = runner.free_pages - positions
        pending = runner.launch(StepPlan(rows=(RowWork(0, positions),)))
        longest = max(longest, free - runner.free_pages)
        (emitted,) = pending.read().emitted
        token, positions = emitted.tokens[-1], 1
    assert 4 < longest <= runner.info.draft_positions


def test_samples_are_gone_once_they_are_encoded(checkpoint: Checkpoint) -> None:
    """An hour of them is 346 MB. Counted is what NumPy holds; embeddings and caches are tensors."""
    runner = Runner(checkpoint, pages=400, page_size=16, drafts=False)
    clip = np.random.default_rng(0).standard_normal(40 * HOP, dtype=np.float32) * np.float32(0.05)
    runner.open(1, clip_level(clip))
    tracemalloc.start()
    try:
        runner.append(1, clip.copy())
        held = tracemalloc.get_traced_memory()[0]
        assert held >= clip.nbytes
        for _ in range(4):
            runner.step(StepPlan(encode=(EncodeWork(1, 10),)))
        assert tracemalloc.get_traced_memory()[0] - held < -0.9 * clip.nbytes
    finally:
        tracemalloc.stop()
