"""With ``deterministic`` an answer is the same to the bit in any company, in any chunks, with and without guesses.

In bfloat16, where the order of sums is what tokens depend on. Without it answers differ, which one test shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import torch

from model.decoder.decoder import Decoder
from model.decoder.fixed_steps import positions
from model.decoder.kv_cache import PageTable
from model.encoder.fixed_encoder import FRAMES, FixedEncoder
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.errors import StartError
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import TINY, Checkpoint, load_checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from model.start import load_runner
from tests.model.driver import Driver, Job, asked, hear, opened

CLIPS = 14
TOKENS = 64
SIZE = positions(torch.device("cpu"))

Answer = tuple[list[int], list[float]]


@pytest.fixture(scope="module")
def half() -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint("tiny", device="cpu", dtype="bfloat16")


@pytest.fixture(scope="module")
def recordings() -> list[Samples]:
    files = sorted((TINY.parent / "heldout").glob("*.flac"))[:CLIPS]
    return [soundfile.read(file, dtype="float32")[0] for file in files]


def runner(half: Checkpoint, *, drafts: bool = True, deterministic: bool = True) -> Runner:
    return Runner(half, pages=1000, page_size=16, drafts=drafts, deterministic=deterministic)


def answers(runner: Runner, clips: list[Samples], seed: int, *, together: bool) -> list[Answer]:
    """Tokens and log-probabilities; one clip's tokens are drawn. ``seed``: of joins, chunks and budgets."""
    jobs = [
        Job(clip, TOKENS, Question(temperature=0.8 if number == 1 else 0, seed=5)) for number, clip in enumerate(clips)
    ]
    for group in [jobs] if together else [[job] for job in jobs]:
        Driver(runner, seed).run(group)
    return [(job.answer, job.logprobs) for job in jobs]


@pytest.fixture(scope="module")
def alone(half: Checkpoint, recordings: list[Samples]) -> list[Answer]:
    """Each clip by itself, with guesses."""
    return answers(runner(half), recordings, 0, together=False)


@pytest.mark.parametrize(("drafts", "seed"), [(False, 1), (True, 2)], ids=["without guesses", "with guesses"])
def test_answers_are_the_same_in_any_company(
    half: Checkpoint, recordings: list[Samples], alone: list[Answer], drafts: bool, seed: int
) -> None:
    assert answers(runner(half, drafts=drafts), recordings, seed, together=True) == alone


def test_an_answer_that_goes_on_is_the_same(half: Checkpoint, recordings: list[Samples], alone: list[Answer]) -> None:
    """To the bit, though what was computed token by token is computed in parts of another size now."""
    fixed = runner(half)
    cuts = [len(tokens) * part // 4 for part, (tokens, _) in zip((1, 2, 3), alone, strict=False)]
    jobs = [
        Job(
            recordings[number],
            TOKENS - cut,
            Question(temperature=0.8 if number == 1 else 0, seed=5, begun=tuple(alone[number][0][:cut])),
        )
        for number, cut in enumerate(cuts)
    ]
    Driver(fixed, 4).run(jobs)
    for (tokens, logprobs), cut, job in zip(alone, cuts, jobs, strict=False):
        assert (job.answer, job.logprobs) == (tokens[cut:], logprobs[cut:])


def test_answers_differ_without(half: Checkpoint, recordings: list[Samples], alone: list[Answer]) -> None:
    """So the others have something to find."""
    free = runner(half, deterministic=False)
    one, other = (answers(free, recordings[:6], seed, together=True) for seed in (1, 2))
    assert not any(first == second for first, second in zip(one, other, strict=True))
    assert runner(half).info.attention != free.info.attention


def test_questions_asked_again_are_answered_as_fresh_ones(half: Checkpoint, recordings: list[Samples]) -> None:
    """As in a live session: audio grows, the question is taken back, the last answer is the guess at the next."""
    clip, live = recordings[0], runner(half)
    opened(live, 0, clip)
    guess = ""
    for number, (begin, end) in enumerate([(0, 9), (9, 11), (11, 30)], start=1):
        hear(live, 0, clip[begin * HOP : end * HOP])
        grown = answered(live, 0, Question(guess=guess))
        fresh = runner(half, drafts=False)
        opened(fresh, number, clip)
        hear(fresh, number, clip[: end * HOP])
        assert answered(fresh, number, Question()) == grown
        guess = half.processor.tokenizer.decode(grown[0], skip_special_tokens=True)


def answered(runner: Runner, stream: int, question: Question) -> Answer:
    """The first tokens of the answer, the question taken back behind them."""
    tokens: list[int] = []
    logprobs: list[float] = []
    queued = asked(runner, stream, question)
    while len(tokens) < 40 and not runner.info.stop_ids & set(tokens):
        (emitted,) = runner.step(StepPlan(rows=(RowWork(stream, queued),))).emitted
        tokens += emitted.tokens
        logprobs += emitted.logprobs
        queued = 1
    runner.crop(stream)
    return tokens[:40], logprobs[:40]


@pytest.mark.parametrize("total", [SIZE - 1, SIZE, SIZE + 1, 3 * SIZE + 5])
def test_a_step_is_cut_into_parts_of_one_size(half: Checkpoint, total: int) -> None:
    """Rows that end at, before and behind the end of a part, places wanted on both sides of it."""
    decoder = Decoder(half.model, pages=100, page_size=16, backend=_blocks(), deterministic=True)
    widths: list[int] = []
    handle = half.model.lm_head.register_forward_pre_hook(lambda _, given: widths.append(len(given[0])))
    try:
        ids = [(7 * place) % 900 for place in range(total)]
        table, beside = PageTable(decoder.pool), PageTable(decoder.pool)
        places = sorted({0, 2, min(SIZE, total) - 1, total - 2, total - 1})
        whole = decoder.forward([ids[:2], ids[2:]], [(beside, 2), (table, total - 2)], places)
        assert set(widths) == {SIZE}
        lone = PageTable(decoder.pool)
        single = [decoder.forward([[token]], [(lone, 1)], [0]) for token in ids[2:]]
    finally:
        handle.remove()
    assert (table.length, lone.length) == (total - 2, total - 2)
    for column, place in enumerate(places):
        if place >= 2:
            assert torch.equal(whole[:, column], single[place - 2][:, 0])


def test_the_likeliest_are_told_of_more_places_than_a_part_has(half: Checkpoint) -> None:
    decoder = Decoder(half.model, pages=100, page_size=16, backend=_blocks(), deterministic=True)
    ids = [(7 * place) % 900 for place in range(2 * SIZE + 3)]
    places, table = list(range(len(ids))), PageTable(decoder.pool)
    plain = decoder.forward([ids], [(table, len(ids))], places).clone()
    again = PageTable(decoder.pool)
    told = decoder.forward([ids], [(again, len(ids))], places, likeliest=places[1:])
    assert torch.equal(told[:2], plain)
    tokens, logprobs = told[2:].chunk(2)
    assert torch.equal(logprobs[0, 1:], plain[1, 1:]), "none is likelier than the one that is taken"
    assert (tokens[:, 1:] == plain[0, 1:]).any(0).all(), "which is among them, if not first of two as likely"
    assert not told[2:, 0].any(), "whose likeliest nobody wants"


def _blocks() -> Any:
    from model.decoder.attention import Place, choose_backend

    return choose_backend("auto", Place(torch.device("cpu"), torch.bfloat16, 64, 16), deterministic=True)


def test_embeddings_are_the_same_cut_anywhere(half: Checkpoint, recordings: list[Samples]) -> None:
    encoder, clip = FixedEncoder(half.model), recordings[0][: 38 * HOP]
    whole = encoder.encode([EncoderState()], [clip])[0]
    plain = StreamingEncoder(half.model).encode([EncoderState()], [clip])[0]
    assert (whole - plain).float().norm() < 0.02 * plain.float().norm()
    for cuts in ((1, 2, 19), (15, 16, 17), (FRAMES, 2 * FRAMES), (37,)):
        states = [EncoderState(), EncoderState()]
        parts = [
            encoder.encode(states, [piece, piece[::-1].copy()])[0]
            for piece in np.split(clip, [cut * HOP for cut in cuts])
        ]
        assert torch.equal(torch.cat(parts), whole)


def test_a_failed_encoding_leaves_the_streams_as_they_were(
    half: Checkpoint, recordings: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, clip = FixedEncoder(half.model), recordings[0][: 38 * HOP]
    wanted = encoder.encode([EncoderState()], [clip])[0]
    compute, calls = StreamingEncoder.encode, []

    def failing(self: StreamingEncoder, states: list[EncoderState], chunks: list[Samples]) -> list[torch.Tensor]:
        calls.append(len(chunks))
        if len(calls) == 2:
            raise torch.OutOfMemoryError
        return compute(self, states, chunks)

    monkeypatch.setattr(StreamingEncoder, "encode", failing)
    state = EncoderState()
    with pytest.raises(torch.OutOfMemoryError):
        encoder.encode([state], [clip])
    assert torch.equal(encoder.encode([state], [clip])[0], wanted)


def test_a_device_that_cannot_keep_it_is_found_out(half: Checkpoint) -> None:
    """A linear map whose last rows are summed in another order, as where a kernel shares its work otherwise there."""
    layer: Any = half.model.model.language_model.layers[0].mlp.down_proj
    compute = layer.forward

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = compute(hidden)
        half_width = hidden.shape[-1] // 2
        weight = layer.weight
        other = (
            hidden[..., :half_width] @ weight[:, :half_width].T + hidden[..., half_width:] @ weight[:, half_width:].T
        )
        return torch.cat([out[:, :-8], other[:, -8:]], dim=1)

    layer.forward = forward
    try:
        with pytest.raises(StartError, match="Start without --deterministic"):
            runner(half)
    finally:
        del layer.forward


def test_the_setting_reaches_the_runner() -> None:
    made = load_runner("tiny", device="cpu", dtype="bfloat16", kv_positions=4096, deterministic=True)
    assert made.info.attention == "blocks"
