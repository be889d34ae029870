"""The device and the model's parts, one function for each table of ``bench.gpu``."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Any, cast

import numpy as np
import torch

from bench.gpu.bench import STEP_CONTEXT, Bench, Section, unless_full
from bench.gpu.floors import timed, wait
from bench.support import oracle
from model.decoder.attention import AttentionError
from model.family.vibevoice_asr.geometry import GEOMETRY, HOP
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.runner import AttentionName
from model.seam.steps import DEFAULT_STEPS, EncodeWork, RowWork, StepPlan
from model.seam.streams import Question

_FRAMES = 8
_FEW_POSITIONS = 1 << 14
"""Encoding alone takes no KV cache, and Transformers' modules take much memory."""


def rates(bench: Bench, section: Section) -> None:
    """What the device can do at best."""
    section.header = ["device to device copy, TB/s read and written", "matrix product, TFLOP/s"]
    found = bench.known_rates
    section.rows.append([f"{found.bandwidth / 1e12:.3f}", f"{found.flops / 1e12:.1f}"])


def encoders(bench: Bench, section: Section) -> None:
    """Both encoders and the projector: Transformers' modules against a step of the runner that only encodes."""
    section.header = ["rows x frames", "modules, ms per audio-s", "ours, ms per audio-s", "ratio", "share of floor"]
    costs, found = bench.encoder_costs, bench.known_rates
    section.notes.append(
        f"{costs.frame * GEOMETRY.frame_rate / 1e9:.1f} GFLOP per audio-s, {costs.weights / 1e9:.2f} GB of weights"
    )
    runner = bench.runner(positions=_FEW_POSITIONS)
    for rows, frames in bench.sizes.encoder_shapes:
        audio = torch.randn(rows, 1, frames * HOP, generator=torch.Generator().manual_seed(0)) * 0.05
        seconds = rows * frames / GEOMETRY.frame_rate
        shape = f"{rows} x {frames}"
        own = unless_full(section, f"ours, {shape}", partial(_encode_seconds, runner, audio, bench.device))
        eager = unless_full(section, f"modules, {shape}", partial(_module_seconds, bench.checkpoint, audio))
        cells = [_milliseconds(each, per=seconds) for each in (eager, own)]
        cells.append(f"{eager / own:.2f}" if eager and own else "-")
        section.rows.append([shape, *cells, _share(costs.encode(found, rows * frames), own)])
        if own:
            bench.encoders.append(1000 * own / seconds)


def _encode_seconds(runner: Runner, audio: torch.Tensor, device: torch.device) -> float:
    rows, frames = audio.shape[0], audio.shape[2] // HOP
    plan = StepPlan(encode=tuple(EncodeWork(row, frames) for row in range(rows)))
    for row in range(rows):
        runner.open(row)

    def append() -> None:
        for row in range(rows):
            runner.append(row, audio[row, 0].numpy())

    try:
        return timed(lambda: runner.step(plan), device, prepare=append)
    finally:
        for row in range(rows):
            runner.release(row)


@torch.inference_mode()
def _module_seconds(checkpoint: Checkpoint, audio: torch.Tensor) -> float:
    model = cast(Any, checkpoint.model).model
    quiet = oracle.without_noise(checkpoint.model)
    on_device = audio.to(checkpoint.device, checkpoint.dtype)
    return timed(lambda: model.get_audio_features(on_device, **quiet), checkpoint.device)


def steps(bench: Bench, section: Section) -> None:
    """Decode steps of the runner, from the plan to the tokens on the host, against the floor of the device."""
    section.header = ["context", "rows", "ms per step", "floor, ms", "share of floor", "tokens/s"]
    costs, found = bench.costs, bench.known_rates
    runner = bench.runner()
    section.notes.append(f"attention: {runner.info.attention}")
    room = runner.info.pages * runner.info.page_size
    for context, batches in bench.sizes.step_batches.items():
        opened = 0
        for rows in batches:
            if rows * (context + 2 * runner.info.page_size) > room:
                section.rows.append([str(context), str(rows), "no room", "-", "-", "-"])
                continue
            for number in range(opened, rows):
                take_in(runner, number, context)
            opened = rows
            seconds = _step_seconds(runner, rows, bench.device)
            floor = costs.step(found, rows=rows, context=context)
            times = [f"{1000 * seconds:.2f}", f"{1000 * floor:.2f}", _share(floor, seconds)]
            section.rows.append([str(context), str(rows), *times, f"{rows / seconds:.0f}"])
            if context == STEP_CONTEXT:
                bench.steps[rows] = seconds / floor
        for number in range(opened):
            runner.release(number)


def backends(bench: Bench, section: Section) -> None:
    """The same steps by attention backend, with recorded steps and without."""
    context, batches = usual_steps(bench)
    section.header = ["attention", "graphs", *(f"{rows} rows, ms per step" for rows in batches)]
    names: tuple[AttentionName, ...] = ("flash", "varlen", "triton", "sdpa")
    recorded = (True, False) if bench.device.type == "cuda" else (False,)
    for name in names:
        for graphs in recorded if name != "sdpa" else (False,):  # which no graph is made of
            try:
                cells = _backend_cells(bench, name, graphs, context, batches)
            except AttentionError as error:
                section.notes.append(str(error))
                break
            section.rows.append([name, "yes" if graphs else "no", *cells])


def usual_steps(bench: Bench) -> tuple[int, tuple[int, ...]]:
    """Context and rows of the steps that tell one way from another."""
    context, batches = next(iter(bench.sizes.step_batches.items()))
    return context, tuple(rows for rows in (1, 32) if rows in batches) or batches[:1]


def _backend_cells(
    bench: Bench, name: AttentionName, graphs: bool, context: int, batches: tuple[int, ...]
) -> list[str]:
    return step_cells(bench.runner(attention=name, graphs=graphs), context, batches, bench.device)


def step_cells(runner: Runner, context: int, batches: tuple[int, ...], device: torch.device) -> list[str]:
    """Milliseconds of a decode step of so many rows each; the streams stay open."""
    cells, opened = [], 0
    for rows in batches:
        for number in range(opened, rows):
            take_in(runner, number, context)
        opened = rows
        cells.append(f"{1000 * _step_seconds(runner, rows, device):.2f}")
    return cells


def prefills(bench: Bench, section: Section) -> None:
    """A prompt into the cache of an otherwise idle runner, in steps of the engine's default size."""
    section.header = ["positions", "ms", "floor, ms", "share of floor"]
    found, runner = bench.known_rates, bench.runner()
    for positions in bench.sizes.prefills:
        best = float("inf")
        for _ in range(3):
            queued = _queue(runner, 0, positions)
            wait(bench.device)
            began = perf_counter()
            _compute(runner, 0, queued)
            wait(bench.device)
            best = min(best, perf_counter() - began)
            runner.release(0)
        floor = bench.costs.prefill(found, positions)
        section.rows.append([str(positions), f"{1000 * best:.1f}", f"{1000 * floor:.1f}", _share(floor, best)])


def take_in(runner: Runner, number: int, positions: int) -> list[int]:
    """Open a stream and compute a prompt of about ``positions``, so that it decodes. Returns its first token."""
    return _compute(runner, number, _queue(runner, number, positions))


def _queue(runner: Runner, number: int, positions: int) -> int:
    """Open a stream with a prompt of about ``positions`` and ask it. Returns its inputs, nothing of them computed.

    Most of the prompt is context and not audio: its positions cost the decoder the same, and the encoders nothing.
    """
    short, long = (runner.prompt_positions(_FRAMES, Question("1 " * count)) for count in (1, 1001))
    words = 1 + max(0, round((positions - short) * 1000 / (long - short)))
    runner.open(number)
    runner.append(number, np.zeros(_FRAMES * HOP, dtype=np.float32))
    runner.step(StepPlan(encode=(EncodeWork(number, _FRAMES),)))
    runner.ask(number, Question("1 " * words))
    return runner.counts(number).queued


def _compute(runner: Runner, number: int, queued: int) -> list[int]:
    tokens: list[int] = []
    while queued:
        positions = min(queued, DEFAULT_STEPS.prefill_positions)
        for emitted in runner.step(StepPlan(rows=(RowWork(number, positions),))).emitted:
            tokens += emitted.tokens
        queued -= positions
    return tokens


def _step_seconds(runner: Runner, rows: int, device: torch.device) -> float:
    plan = StepPlan(rows=tuple(RowWork(number, 1) for number in range(rows)))
    return timed(lambda: runner.step(plan), device)


def _milliseconds(seconds: float | None, *, per: float) -> str:
    return "-" if seconds is None else f"{1000 * seconds / per:.3f}"


def _share(floor: float, seconds: float | None) -> str:
    """How near to the floor: 100 % cannot be beaten."""
    return "-" if seconds is None else f"{100 * floor / seconds:.0f} %"
