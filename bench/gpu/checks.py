"""Fast and right: what the device computes by its fast ways, against plain attention in float32 and against SDPA."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from bench.gpu.bench import Bench, Section
from bench.gpu.parts import take_in
from bench.gpu.random_steps import RandomSteps
from bench.support.random_model import random_checkpoint, small
from model.decoder.attention import AttentionError, Backend, Place, choose_backend
from model.decoder.dimensions import head_dim, kv_heads, language_config
from model.decoder.kv_cache import PagePool, PageTable
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.runner import AttentionName
from model.seam.steps import RowWork, StepPlan
from model.start import make_runner

BACKENDS: tuple[AttentionName, ...] = ("sdpa", "triton", "varlen", "flash")
_MIXES = {
    "decode": [(past, 1) for past in (0, 1, 255, 256, 900, 2000, 3333, 4096)],
    "guesses": [(900, 4), (255, 8), (256, 25), (3000, 1), (0, 13)],
    "prefill": [(0, 700), (1000, 513)],
    "all": [(40, 1), (2000, 1), (511, 9), (0, 300), (1500, 220)],
}
"""Positions before and new positions of each row."""
_TOKENS = 24
_PROMPTS_TOGETHER = 8
_ROOM = 1 << 16
_SMALL_ROOM = 1 << 15


def checks(bench: Bench, section: Section) -> None:
    """Attention by backend, and tokens by runner."""
    section.header = ["check", "of", "found"]
    _attention(bench, section)
    _agreement(bench, section)


# ---------------------------------------------------------------------------------------------------------- attention


def _attention(bench: Bench, section: Section) -> None:
    """The largest difference to plain attention in float32, where slots that were never written hold NaN."""
    page_size = 256 if bench.device.type == "cuda" else 32
    place = Place(bench.device, bench.checkpoint.dtype, head_dim(language_config(bench.checkpoint.model)), page_size)
    for name in BACKENDS:
        try:
            backend = choose_backend(name, place)
        except AttentionError as error:
            section.notes.append(str(error))
            continue
        for mix, rows in _MIXES.items():
            difference = attention_difference(bench.checkpoint, backend, rows, page_size)
            section.rows.append([f"attention {name}, largest difference to float32", mix, f"{difference:.4f}"])
            bench.difference = max(bench.difference or 0.0, difference)


@torch.inference_mode()
def attention_difference(checkpoint: Checkpoint, backend: Backend, mix: list[tuple[int, int]], page_size: int) -> float:
    """For values of about 1; infinite where anything that is not a number came out."""
    model, device = checkpoint.model, checkpoint.device
    config = language_config(model)
    heads, width = config.num_attention_heads, head_dim(config)
    shared = heads // kv_heads(config)
    pages = sum(-(-(past + new) // page_size) for past, new in mix)
    pool = PagePool(
        layers=1, pages=pages, page_size=page_size, kv_heads=heads // shared, head_dim=width,
        dtype=checkpoint.dtype, device=device,
    )  # fmt: skip
    for storage in (pool.keys[0], pool.values[0]):
        storage[page_size:] = float("nan")
    draw = partial(torch.randn, generator=torch.Generator(device).manual_seed(0), device=device, dtype=checkpoint.dtype)
    rows, queries, news, wanted = [], [], [], []
    for past, new in mix:
        table = PageTable(pool)
        table.extend(past)
        query = draw(new, heads, width)
        keys, values = draw(2, past + new, heads // shared, width)
        pool.keys[0][table.slots[:past]], pool.values[0][table.slots[:past]] = keys[:past], values[:past]
        table.extend(new)
        rows.append((table, new))
        queries.append(query)
        news.append((keys[past:], values[past:]))
        wanted.append(_plain(query, keys, values, shared))
    key, value = (torch.cat(each) for each in zip(*news, strict=True))
    out = backend.rows(pool, rows).attend(0, torch.cat(queries), key, value, scale=width**-0.5)
    difference = float((out.float() - torch.cat(wanted)).abs().max())
    return difference if difference == difference else float("inf")


def _plain(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, shared: int) -> torch.Tensor:
    """One row in float32; its last query sees all keys."""
    new, length = len(query), len(keys)
    k, v = (each.float().repeat_interleave(shared, dim=1).transpose(0, 1) for each in (keys, values))
    mask = torch.ones(new, length, dtype=torch.bool, device=query.device).tril(length - new)
    return scaled_dot_product_attention(query.float().transpose(0, 1), k, v, attn_mask=mask).transpose(0, 1)


# ------------------------------------------------------------------------------------------------------------- tokens


def _agreement(bench: Bench, section: Section) -> None:
    """Greedy answers of the runner as the server makes it, with graphs and packed rows, against SDPA row by row.

    With random weights the best tokens are close to each other, so rounding decides now and then; behind the first
    difference an answer is another one and is not compared.
    """
    rng = np.random.default_rng(0)
    prompts = rng.integers(80, 2000, bench.sizes.compared_prompts).tolist()
    alone = _answers(bench.runner(positions=_ROOM, attention="sdpa", graphs=False), prompts, together=1)
    runner = bench.runner(positions=_ROOM)
    packed = _answers(runner, prompts, together=_PROMPTS_TOGETHER)
    same = compared = 0
    for first, second in zip(alone, packed, strict=True):
        alike = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
        length = min(len(first), len(second))
        same += length if alike is None else alike
        compared += length if alike is None else alike + 1
    bench.agreement = same / compared
    name = runner.info.attention
    section.rows.append([f"tokens of {name} as with sdpa row by row", str(compared), f"{bench.agreement:.1%}"])


def _answers(runner: Runner, prompts: list[int], *, together: int) -> list[list[int]]:
    answers: list[list[int]] = []
    for first in range(0, len(prompts), together):
        numbers = range(first, min(first + together, len(prompts)))
        written: dict[int, list[int]] = {number: take_in(runner, number, prompts[number]) for number in numbers}
        for _ in range(_TOKENS):
            for emitted in runner.step(StepPlan(rows=tuple(RowWork(number, 1) for number in numbers))).emitted:
                written[emitted.stream] += emitted.tokens
        for number in numbers:
            runner.release(number)
        answers += written.values()
    return answers


# ------------------------------------------------------------------------------------------------------- random steps


def random_steps(bench: Bench, section: Section) -> None:
    """On a small model: the steps are many, and what can leak does not depend on the size."""
    section.header = ["steps of a small model without a leak", "tokens", "forks"]
    checkpoint = random_checkpoint(small(), bench.device, bench.checkpoint.dtype)
    random = RandomSteps(make_runner(checkpoint, kv_positions=_SMALL_ROOM), seed=0)
    bench.random_steps = 0
    random.run(bench.sizes.random_steps, time_left=lambda: section.time_for(1.0))
    bench.random_steps = random.steps
    section.rows.append([str(each) for each in (random.steps, random.tokens, random.forks)])
