"""The engine on the hub's layout, in fp32, token for token against Transformers' ``generate``.

152,064 rows, all layers of the encoders, the real prompt and forced beginnings in the real vocabulary.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from tests.model.driver import Driver, Job, hear, opened
from tests.model.oracle import Oracle
from tests.real.texts import SENTENCES
from tests.support.author import Author
from tests.support.snapshot import ROWS

GRAMMAR = VIBEVOICE_ASR.grammar

TOKENS = 12


@pytest.fixture(params=[True, False], ids=["drafted", "plain"])
def runner(checkpoint: Checkpoint, request: pytest.FixtureRequest) -> Runner:
    return Runner(checkpoint, pages=200, page_size=16, drafts=request.param)


@pytest.fixture(scope="module")
def clips() -> list[Samples]:
    """Ragged clips, 0.3 to 4 s, of noise in bursts: what is compared is tokens, so nobody needs to speak."""
    rng = np.random.default_rng(11)
    made = []
    for seconds in (1.3, 0.3, 4.03, 2.2):
        time = np.arange(int(seconds * 24_000)) / 24_000
        bursts = np.clip(np.sin(2 * np.pi * rng.uniform(1, 4) * time), 0, 1)
        made.append((0.1 * bursts * rng.standard_normal(time.size)).astype(np.float32))
    return made


@pytest.fixture(scope="module")
def alone(oracle: Oracle, clips: list[Samples]) -> list[list[int]]:
    return [oracle.answer(clip, tokens=TOKENS) for clip in clips]


def generated(
    checkpoint: Checkpoint, oracle: Oracle, clip: Samples, forced: list[int], context: str | None = None
) -> list[int]:
    """What ``generate`` goes on with behind ``forced`` ids."""
    inputs = oracle.inputs([clip], [context])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([forced], dtype=torch.long)], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    model: Any = checkpoint.model
    with torch.inference_mode():
        output = model.generate(**inputs, sample=False, max_new_tokens=TOKENS)
    ids: list[int] = output[0, inputs["input_ids"].shape[1] :].tolist()
    return ids


def answered(runner: Runner, stream: int, question: Question) -> tuple[list[int], str]:
    """The stream's answer to a question that is taken back again, and the text that was forced."""
    forced = runner.ask(stream, question)
    got: list[int] = []
    positions = runner.counts(stream).queued
    while len(got) < TOKENS and not (got and got[-1] in runner.info.stop_ids):
        (emitted,) = runner.step(StepPlan(rows=(RowWork(stream, positions),))).emitted
        got += emitted.tokens
        positions = 1
    runner.crop(stream)
    return got[:TOKENS], forced


def test_the_snapshot_is_laid_out_as_the_hubs(checkpoint: Checkpoint) -> None:
    files = {file.name for file in checkpoint.path.iterdir()}
    assert {"model.safetensors.index.json", "processor_config.json", "chat_template.jinja"} <= files
    assert "model.safetensors" not in files
    assert (checkpoint.path / "model.safetensors.index.json").read_text().count('"language_model.lm_head.weight"') == 1
    model: Any = checkpoint.model
    assert model.lm_head.out_features == ROWS > len(checkpoint.processor.tokenizer)
    assert (model.config.audio_bos_token_id, model.config.audio_eos_token_id) == (151_646, 151_647)
    assert model.config.audio_token_id == checkpoint.processor.audio_token_id == 151_648


@pytest.mark.parametrize("seed", [0, 1])
def test_any_company_and_any_chunks_equal_generate_alone(
    runner: Runner, clips: list[Samples], alone: list[list[int]], seed: int
) -> None:
    jobs = [Job(clip, TOKENS, Question(force_header=False)) for clip in clips]
    Driver(runner, seed).run(jobs)
    assert [job.answer for job in jobs] == alone
    assert len({tuple(answer) for answer in alone}) == len(clips), "the audio makes no difference"
    assert runner.free_pages == runner.info.pages


@pytest.mark.parametrize("kind", ["Chinese", "Hindi", "Arabic", "emoji", "JSON"])
def test_what_is_forced_goes_on_like_generate(
    checkpoint: Checkpoint, author: Author, oracle: Oracle, clips: list[Samples], kind: str
) -> None:
    runner, clip, context = Runner(checkpoint, pages=200, page_size=16), clips[0], "\n".join(SENTENCES[kind][3:])
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    segments = [
        GRAMMAR.segment(place / 2, place / 2 + 0.5, place, text) for place, text in enumerate(SENTENCES[kind][:3])
    ]
    answers = []
    for count in range(len(segments) + 1):
        prefix = GRAMMAR.opening(segments[:count])
        answer, forced = answered(runner, 1, Question(context, prefix))
        assert prefix.startswith(forced)
        assert answer == generated(checkpoint, oracle, clip, author.prompt.answer_start(prefix), context)
        answers.append(answer)
    assert answers[0] != answers[1], "what is forced makes no difference"


@pytest.mark.parametrize("temperature", [0.0, 1.0], ids=["likeliest", "drawn"])
def test_an_answer_goes_on_from_where_it_was_cut(runner: Runner, clips: list[Samples], temperature: float) -> None:
    opened(runner, 1, clips[0])
    hear(runner, 1, clips[0], whole=True)
    prefix = GRAMMAR.opening([GRAMMAR.segment(0, 0.5, 0, SENTENCES["emoji"][0])])
    for question in (Question(), Question("はい", prefix, guess=prefix)):
        question = replace(question, temperature=temperature, seed=5)
        whole, forced = answered(runner, 1, question)
        for cut in (1, 5, len(whole) - 1):
            rest, again = answered(runner, 1, replace(question, begun=tuple(whole[:cut])))
            assert (rest[: len(whole) - cut], again) == (whole[cut:], forced)


def test_ids_that_were_given_stay_those_ids(
    runner: Runner, checkpoint: Checkpoint, author: Author, oracle: Oracle, clips: list[Samples]
) -> None:
    """They may end within a character, and their text may be cut into others: an answer is no text but its tokens."""
    opened(runner, 1, clips[0])
    hear(runner, 1, clips[0], whole=True)
    letters = [token for letter in "hello" for token in author.prompt.answer(letter, header=False)]
    sign = author.prompt.answer("𓂀", header=False)
    for begun in (letters, sign[:-1], [*letters, *sign[:-1]]):
        assert author.prompt.answer(author.prompt.text(begun), header=False) != begun
        rest, _ = answered(runner, 1, Question(begun=tuple(begun)))
        assert rest == generated(checkpoint, oracle, clips[0], [*author.prompt.answer_start(), *begun])


def test_append_crop_and_ask_again_equal_a_fresh_stream(
    runner: Runner, author: Author, clips: list[Samples], checkpoint: Checkpoint, oracle: Oracle
) -> None:
    """As a live session does it: more audio, more segments forced, the last answer as a guess."""
    rng, clip = np.random.default_rng(3), clips[2][: clips[2].size // HOP * HOP]
    opened(runner, 0, clip)
    fed, guess, segments = (
        0,
        "",
        [GRAMMAR.segment(0, 0.5, 0, "Yes."), GRAMMAR.segment(0.5, 1, 1, "はい、"), GRAMMAR.segment(1, 2, 0, "हाँ")],
    )
    for number, frames in enumerate((4, 1, 11, clip.size // HOP), start=1):
        end = min(clip.size, fed + frames * HOP)
        while fed < end:
            piece = clip[fed : fed + int(rng.integers(1, 20_000))][: end - fed]
            hear(runner, 0, piece)
            fed += piece.size
        prefix = GRAMMAR.opening(segments[: number - 1])
        grown = answered(runner, 0, Question(prefix=prefix, guess=guess))
        opened(runner, number, clip)
        hear(runner, number, clip[:end])
        assert grown == answered(runner, number, Question(prefix=prefix))
        runner.release(number)
        guess = prefix + author.prompt.text(grown[0])
    assert fed == clip.size
    assert grown[0] == generated(checkpoint, oracle, clip, author.prompt.answer_start(prefix))
    runner.release(0)
    runner.check_integrity()
    assert runner.free_pages == runner.info.pages


def test_a_guess_changes_no_token(checkpoint: Checkpoint, author: Author, clips: list[Samples]) -> None:
    clip = clips[3][: clips[3].size // HOP * HOP]
    counts: list[int] = []

    class Counted(Runner):
        def step(self, plan: StepPlan) -> Any:
            counts[-1] += 1
            return super().step(plan)

    runner = Counted(checkpoint, pages=200, page_size=16)
    counts.append(0)
    opened(runner, 0, clip)
    hear(runner, 0, clip)
    plain, _ = answered(runner, 0, Question())
    text = author.prompt.text(plain)
    wrong = ('[{"Start":0,"End":1,' + text, GRAMMAR.opening([GRAMMAR.segment(0, 1, 0, text)]))
    for guess in (text, text[: len(text) // 2], text[3:], *wrong):
        counts.append(0)
        assert answered(runner, 0, Question(guess=guess))[0] == plain
        runner.check_integrity()
    assert min(counts[1:]) < TOKENS, "no guess was ever right"
