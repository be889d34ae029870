"""``bench.gpu`` on a card that is played: that its sections run, for the ten minutes on a real one are dear."""

from __future__ import annotations

import traceback
from dataclasses import replace
from time import monotonic

import torch

from bench.gpu import run
from bench.gpu.bench import Bench, Section
from bench.rehearsal.fake_cuda import FakeCuda
from bench.support.random_model import full_size, random_checkpoint

_SIZES = replace(
    run.REHEARSAL,
    encoder_shapes=((1, 8), (2, 75)),
    step_batches={1000: (1, 32)},
    prefills=(450, 4500),
    clips={1: 1, 8: 8},
    static_batches=(2, 1),
    long_seconds=30,
    beside=2,
    live_streams=(1, 2),
    live_seconds=2.0,
    compared_prompts=2,
    random_steps=40,
)


def bench_on_card(cuda: FakeCuda) -> list[str]:
    """Run every section without its limit of time; returns what failed and what the card noticed."""
    device = torch.device("cuda", torch.cuda.current_device())
    bench = Bench(random_checkpoint(full_size(layers=2, blocks=[1] * 7), device, torch.bfloat16), _SIZES)
    broken = []
    for name, (measure, _) in run.SECTIONS.items():
        section, began = Section(name), monotonic()
        run.settle(device)
        try:
            measure(bench, section)
        except Exception as error:
            traceback.print_exc()
            broken.append(f"{name}: {type(error).__name__}: {error}")
        print(f"{name}: {len(section.rows)} rows, {monotonic() - began:.0f} s {section.notes}", flush=True)
        if not section.rows:
            broken.append(f"{name}: no rows")
    return broken + [f"{text}, {count} times" for text, count in cuda.faults.found.items()]
