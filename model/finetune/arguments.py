"""The command's arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import inf, isfinite
from pathlib import Path
from typing import get_args

from model.finetune.course import Course, Method, Schedule
from model.finetune.examples import Learned
from model.loading.adapters import MOST_RANKS
from model.seam.adapters import MODULES

_RATES: dict[Method, float] = {"lora": 1e-4, "full": 1e-5}
_MANY = 10**9
_SEEDS = 2**63 - 1
"""The largest of 64 bits with a sign; torch's generators take twice as many."""


def parser(prog: str) -> argparse.ArgumentParser:
    """With every default, for --help."""
    given = argparse.ArgumentParser(
        prog=prog,
        description="Teach a checkpoint from recordings and what is said in them.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = given.add_argument
    add("data", type=Path, help="a file of JSON lines, or a folder of recordings with a JSON file each (Microsoft's)")
    add("--output", type=Path, required=True, help="folder for adapter, log and what --resume needs")
    add("--held-out", type=Path, help="the same kind of file or folder, to be answered and not learned from")
    add("--model", default="microsoft/VibeVoice-ASR-HF", help="hub id, folder, or tiny")
    add("--revision", help="commit or tag of a hub checkpoint")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    add("--dtype", default="auto", choices=("auto", "float32", "bfloat16"), help="auto: bfloat16, float32 on a CPU")
    add("--method", default="lora", choices=get_args(Method), help="an adapter, or the decoder itself")
    add("--rank", type=_whole(1, MOST_RANKS), default=16, help="of the adapter")
    add("--alpha", type=_number(above=0), default=32.0, help="what the adapter adds is multiplied by alpha / rank")
    add("--dropout", type=_number(least=0, below=1), default=0.05, help="in front of the adapter")
    add("--modules", nargs="+", default=list(MODULES), choices=MODULES, metavar="NAME", help="maps with an adapter")
    add("--learned", default="text", choices=get_args(Learned), help="all text, as Transformers does, or the answer")
    add("--epochs", type=_number(above=0, most=10_000), default=3.0, help="how often everything is learned from")
    add("--steps", type=_whole(1), help="updates, in place of epochs")
    add("--batch", type=_whole(1, 1024), default=1, help="recordings that are computed at once")
    add("--accumulate", type=_whole(1, 65_536), default=8, help="batches to an update")
    add(
        "--rate", type=_number(above=0, most=1), help="highest learning rate; 1e-4 for an adapter, 1e-5 for the decoder"
    )
    add("--warm-up", type=_number(least=0, most=1), default=0.1, help="share of the steps in which the rate rises")
    add("--schedule", default="linear", choices=get_args(Schedule), help="how it falls then")
    add("--decay", type=_number(least=0, most=1), default=0.01, help="of weights")
    add("--clip", type=_number(above=0), default=1.0, help="norm that gradients are cut to")
    add("--seed", type=_whole(0, _SEEDS), default=0, help="of the order, the adapter's beginning and dropout")
    add(
        "--recompute",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="gradient checkpointing: a third slower, and far smaller",
    )
    add("--save-every", type=_whole(1), default=100, help="steps")
    add("--evaluate-every", type=_whole(0), default=0, help="steps; 0: before and behind all alone")
    add("--max-audio-seconds", type=_number(above=0), default=3600.0, help="longer recordings are left out, and told")
    add("--resume", action="store_true", help="go on with the course in the output folder")
    add("--merge", action="store_true", help="write a whole checkpoint with the adapter in it at the end")
    return given


def _whole(least: int, most: int = _MANY) -> Callable[[str], int]:
    """Reads whole numbers between the two, both included."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}, and not {text}")
        return value

    return read


def _number(
    *, least: float = -inf, above: float = -inf, most: float = inf, below: float = inf
) -> Callable[[str], float]:
    """Reads finite numbers: ``least`` and ``most`` are allowed themselves, ``above`` and ``below`` are not."""
    bounds = {"from": least, "above": above, "up to": most, "below": below}
    told = " ".join(f"{word} {bound:g}" for word, bound in bounds.items() if isfinite(bound))

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (isfinite(value) and least <= value <= most and above < value < below):
            raise argparse.ArgumentTypeError(f"a number {told}, and not {text}")
        return value

    return read


def course_of(given: argparse.Namespace) -> Course:
    """The part of the arguments that decides what comes out."""
    return Course(
        model=given.model,
        revision=given.revision,
        method=given.method,
        rank=given.rank,
        alpha=given.alpha,
        dropout=given.dropout,
        modules=tuple(name for name in MODULES if name in given.modules),
        learned=given.learned,
        epochs=given.epochs,
        steps=given.steps,
        batch=given.batch,
        accumulate=given.accumulate,
        rate=_RATES[given.method] if given.rate is None else given.rate,
        warm_up=given.warm_up,
        schedule=given.schedule,
        decay=given.decay,
        clip=given.clip,
        seed=given.seed,
        dtype=given.dtype,
        recompute=given.recompute,
    )
