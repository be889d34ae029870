"""Weights of fewer bits beside the model's own: what they take, how often they choose its tokens, how fast they are.

A model that has learned nothing is sure of nothing, so the least rounding changes its tokens: the shares compare the
formats with each other. ``bench.parts.deviation`` asks a checkpoint.
"""

from __future__ import annotations

import gc
from copy import deepcopy
from dataclasses import replace

import torch

from bench.gpu.bench import Bench, Section
from bench.gpu.parts import step_cells, usual_steps
from bench.support.random_model import random_checkpoint
from model.decoder.attention import choose_backend
from model.decoder.decoder import Decoder
from model.decoder.kv_cache import PageTable
from model.errors import CheckpointError
from model.loading.checkpoint import Checkpoint
from model.memory.footprint import Footprint
from model.quantised import quantise
from model.quantised.formats import check_format
from model.runner.runner import place_of
from model.seam.runner import WeightFormat
from model.start import make_runner

_FORMATS: tuple[WeightFormat, ...] = ("bf16", "fp8", "int8", "nf4")
_TEXTS, _LENGTH = 8, 256
"""Forced texts, and the tokens of each: every place is asked for the next one."""
_POSITIONS = 1 << 16


def quantised(bench: Bench, section: Section) -> None:
    """The same random weights in every format that runs here, one after the other."""
    timed = [f"{rows} rows, ms per step" for rows in usual_steps(bench)[1]]
    section.header = ["weights", "GB", "same token as bf16", "largest difference of a log-probability", *timed]
    reference: torch.Tensor | None = None
    for weights in _FORMATS:
        try:
            check_format(weights, bench.device)
            choices, size, cells = _measured(bench, weights)
        except (CheckpointError, torch.OutOfMemoryError) as error:
            section.notes.append(f"{weights}: {error}".partition("\n")[0])
            continue
        reference = choices if reference is None else reference
        section.rows.append([weights, f"{size / 1e9:.2f}", *_alike(reference, choices), *cells])


def _measured(bench: Bench, weights: WeightFormat) -> tuple[torch.Tensor, int, list[str]]:
    """Choices, bytes of all weights, and times. Nothing of the model is left behind."""
    checkpoint = _checkpoint(bench, weights)
    choices = forced_choices(checkpoint)
    runner = make_runner(checkpoint, kv_positions=_POSITIONS)
    size = Footprint.of(checkpoint.model).weight_bytes(weights, checkpoint.dtype.itemsize)
    return choices, size, step_cells(runner, *usual_steps(bench), bench.device)


def _checkpoint(bench: Bench, weights: WeightFormat) -> Checkpoint:
    """The weights of the bench's model, once more where the format is another one."""
    if weights == "bf16":
        return bench.checkpoint
    gc.collect()
    if bench.device.type == "cuda":
        torch.cuda.empty_cache()
    made = random_checkpoint(deepcopy(bench.checkpoint.model.config), bench.device, bench.checkpoint.dtype)
    quantise(made.model, weights, made.device)
    return replace(made, weights=weights)


def forced_choices(checkpoint: Checkpoint) -> torch.Tensor:
    """What is chosen behind every token of the texts, whatever stands there: see ``sampling.best``, on the host."""
    size = 256 if checkpoint.device.type == "cuda" else 32
    backend = choose_backend("auto", place_of(checkpoint, size))
    decoder = Decoder(checkpoint.model, pages=-(-_LENGTH // size), page_size=size, backend=backend)
    draw = torch.Generator().manual_seed(0)
    texts = torch.randint(decoder.vocabulary, (_TEXTS, _LENGTH), generator=draw).tolist()
    return torch.cat([_read(decoder, text) for text in texts], dim=1)


def _read(decoder: Decoder, text: list[int]) -> torch.Tensor:
    table = PageTable(decoder.pool)
    with torch.cuda.stream(decoder.stream):  # does nothing where there is no such stream
        choice = decoder.forward([text], [(table, len(text))], list(range(len(text)))).cpu()
    table.release()
    return choice


def _alike(reference: torch.Tensor, choices: torch.Tensor) -> list[str]:
    """Share of places with the same token, and how far the log-probabilities of those are apart."""
    same = reference[0] == choices[0]
    logprobs, others = (each[1].view(torch.float32)[same] for each in (reference, choices))
    return [f"{same.float().mean():.1%}", f"{(logprobs - others).abs().max():.3f}" if same.any() else "-"]
