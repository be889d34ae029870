"""Whole files on the device: the engine at several concurrencies, and Transformers' ``generate`` in static batches."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil
from time import perf_counter
from typing import Any, cast

import numpy as np

from bench.gpu.bench import Bench, Section, Sizes, unless_full
from bench.gpu.floors import wait
from bench.support import engine, oracle
from model.family.vibevoice_asr.geometry import HOP
from model.runner.runner import Runner
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.steps import DEFAULT_STEPS, StepSizes
from server.engine.settings import EngineSettings

TOKENS_PER_SECOND = 5.3
"""Of an answer per second of ordinary speech, the JSON around the words included."""
_LARGER = 600, 8192


def files(bench: Bench, section: Section) -> None:
    """Files through scheduler, step loop and runner; the answers have the length of ordinary speech."""
    section.header = ["at once", "frames/step", "positions/step", "clips", "audio s", "seconds", "RTFx", "tokens/s"]
    speed = 0.0
    most = max(bench.sizes.clips)
    larger = StepSizes(max(32, most), prefill_positions=_LARGER[1], encode_frames=_LARGER[0])
    runner = bench.runner(steps=larger if bench.roomy else DEFAULT_STEPS)
    _work(runner, _clips(bench.sizes, 1), 1, DEFAULT_STEPS)  # warms up
    for concurrency, count in bench.sizes.clips.items():
        usual = replace(DEFAULT_STEPS, max_rows=max(32, concurrency))
        sizes = [usual]
        if concurrency == most and bench.roomy:
            sizes.append(larger)
        for steps in sizes:
            clips = _clips(bench.sizes, count)
            while speed and len(clips) > concurrency and not section.time_for(1.5 * _audio(clips) / speed):
                clips = clips[: max(concurrency, len(clips) // 2)]
            seconds, tokens = _work(runner, clips, concurrency, steps)
            speed = _audio(clips) / seconds
            budgets = [str(steps.encode_frames), str(steps.prefill_positions)]
            figures = [f"{_audio(clips):.0f}", f"{seconds:.2f}", f"{speed:.0f}", f"{tokens / seconds:.0f}"]
            section.rows.append([str(concurrency), *budgets, str(len(clips)), *figures])
            bench.engine[concurrency] = max(speed, bench.engine.get(concurrency, 0.0))


def static(bench: Bench, section: Section) -> None:
    """``generate`` on the first of the same clips; a batch runs until its longest answer is done."""
    section.header = ["batch", "clips", "audio s", "seconds", "RTFx"]
    cast(Any, bench.checkpoint.model).model.language_model.set_attn_implementation("sdpa")
    oracle.generate(bench.checkpoint, _clips(bench.sizes, 1)[:1], batch=1, tokens=4)  # warms up
    for batch in bench.sizes.static_batches:
        clips = _clips(bench.sizes, max(batch, 2))
        seconds = unless_full(section, f"batch {batch}", partial(_generate_seconds, bench, clips, batch))
        if seconds is None:  # the encoders' modules take a minute of every clip at once unless told otherwise
            bench.checkpoint.model.config.acoustic_tokenizer_chunk_size = 5 * SAMPLE_RATE // HOP * HOP
            section.notes.append(f"batch {batch} and those below: audio encoded 5 s at a time")
            seconds = _generate_seconds(bench, clips, batch)
        bench.static[batch] = _audio(clips) / seconds
        figures = [f"{_audio(clips):.0f}", f"{seconds:.2f}", f"{bench.static[batch]:.1f}"]
        section.rows.append([str(batch), str(len(clips)), *figures])


def _generate_seconds(bench: Bench, clips: list[Samples], batch: int) -> float:
    wait(bench.device)
    began = perf_counter()
    for first in range(0, len(clips), batch):
        together = clips[first : first + batch]
        oracle.generate(bench.checkpoint, together, batch=batch, tokens=max(map(_answer_tokens, together)))
    return perf_counter() - began


def _work(runner: Runner, clips: list[Samples], concurrency: int, steps: StepSizes) -> tuple[float, int]:
    """Seconds for all clips, and the tokens of their answers."""
    jobs = [engine.Job.of(clip, _answer_tokens(clip)) for clip in clips]
    began = perf_counter()
    answers = engine.work_off(runner, jobs, concurrency=concurrency, settings=EngineSettings(steps=steps))
    return perf_counter() - began, sum(map(len, answers))


def _clips(sizes: Sizes, count: int) -> list[Samples]:
    """The first ``count`` of a fixed row of noises of ragged lengths."""
    rng = np.random.default_rng(0)
    lengths = [int(rng.uniform(*sizes.clip_seconds) * SAMPLE_RATE) for _ in range(count)]
    noise = rng.standard_normal(max(lengths), dtype=np.float32) * np.float32(0.05)
    return [noise[:length] for length in lengths]


def _answer_tokens(clip: Samples) -> int:
    return ceil(TOKENS_PER_SECOND * clip.size / SAMPLE_RATE)


def _audio(clips: list[Samples]) -> float:
    return sum(clip.size for clip in clips) / SAMPLE_RATE
