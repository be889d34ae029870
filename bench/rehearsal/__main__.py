"""The CUDA path without a GPU: the full-size model on a card that is played.

    python -m bench.rehearsal [--cards 24 12:int8] [--attention varlen sdpa] [--only files hour] [--record]

The real runner, loader, scheduler and step loop run in bfloat16 on tensors without numbers; what they allocate, launch,
wait for and order is real. A line for each scene; a bound that is broken is named, and the command ends with 1. What no
allocator shows is assumed: half a GiB for the CUDA context, workspaces of cuBLAS and one per cent of gaps; temporaries
inside kernels are not seen. A first card in bf16 is played with every backend, with and without graphs and guesses, and
``bench.gpu`` on it; others are started and serve files, live sessions and an hour, or what they hold of it. Takes about
ten minutes on two cores, most of it to record graphs. Needs no checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import get_args

import torch

from bench.rehearsal import Card, FakeCuda, card_of
from bench.rehearsal.gpu_bench import bench_on_card
from bench.rehearsal.run import Found, Scene, gib, perform, start, warnings_of_model
from bench.rehearsal.scenes import cancelled, captions, files, questions, right, said
from bench.rehearsal.snapshot import empty_snapshot
from bench.support.random_model import full_size, random_checkpoint
from bench.support.report import Report, machine, parser, table
from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.runner.runner import Runner
from model.seam.runner import AttentionName, RunnerInfo, WeightsName
from model.start import Room, load_runner, make_runner
from server.engine.budget import pass_positions

TOKENS = 8
RAGGED = [1.0 + 0.9 * number for number in range(32)]

_SCENES = ("files", "drawn", "live", "guessed", "cancelled", "questions", "hour", "refused", "short")
_WEIGHTS: tuple[WeightsName, ...] = ("bf16", "nf4", "int8", "fp8")
_START, _BENCH = "start", "gpu"


def scenes(info: RunnerInfo) -> dict[str, Scene]:
    """All of them by name, as large as the runner has room for.

    ``refused``: memory is short for a moment and nobody may fail. ``short``: it stays so, they fail in good order.
    """
    sessions = max(1, min(32, info.pages // 4))
    longest = min(3600.0, 0.8 * info.pages * info.page_size / GEOMETRY.frame_rate)
    made = (
        Scene("files", files(RAGGED, tokens=TOKENS), TOKENS),
        Scene("drawn", files(RAGGED[:8], tokens=TOKENS, temperature=0.7, top_p=0.9), TOKENS),
        Scene("live", captions(sessions, updates=2, guess=lambda _: said(16), tokens=TOKENS, beside=4), TOKENS),
        Scene("guessed", captions(min(8, sessions), updates=2, guess=right, tokens=2 * TOKENS), TOKENS),
        Scene("cancelled", cancelled(60.0)),
        Scene("questions", questions(60.0, tokens=TOKENS), TOKENS),
        Scene("hour", files([longest, 20.0, 20.0], tokens=TOKENS), TOKENS),
        Scene("refused", files(RAGGED[:8], tokens=TOKENS), TOKENS, refuse_from=1 << 20, refuse_times=5),
        Scene("short", files(RAGGED[8:16], tokens=TOKENS), fails=True, refuse_from=1 << 18),
    )
    return {scene.name: scene for scene in made}


_ROOM = Room(least=pass_positions(VIBEVOICE_ASR, 300.0), wanted=pass_positions(VIBEVOICE_ASR, 3600.0))
"""As the server wants it by default: five minutes of audio at least, and an hour if speed can pay for it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A runner to be made, and its scenes. ``loaded``: from a folder by ``load_runner``, as the server does it."""

    attention: AttentionName
    scenes: tuple[str, ...]
    graphs: bool = True
    drafts: bool = True
    loaded: bool = False

    def __str__(self) -> str:
        return f"{self.attention}, {'recorded' if self.graphs else 'eager'}{'' if self.drafts else ', no guesses'}"


FIRST = (
    Setup("auto", _SCENES, loaded=True),
    Setup("varlen", ("files", "live"), drafts=False),
    Setup("varlen", ("files", "live"), graphs=False),
    Setup("flash", ("files", "live")),
    Setup("flash", ("files",), graphs=False),
    Setup("triton", ("files", "live")),
    Setup("triton", ("files",), graphs=False),
    Setup("sdpa", ("files", "live"), graphs=False),
)
"""Of the first card."""
OTHERS = (Setup("auto", ("files", "live", "hour"), loaded=True),)
"""Of every further one, and of one with quantised weights."""


def main() -> None:
    """Rehearse, and exit with 1 where something was found."""
    command = parser(__doc__)
    command.add_argument("--cards", nargs="+", type=_sold, default=[(24.0, "bf16")], metavar="GB[:WEIGHTS]")
    command.add_argument("--attention", nargs="+", choices=get_args(AttentionName))
    command.add_argument("--capability", type=float, default=8.0, help="compute capability of the cards")
    command.add_argument("--only", nargs="+", choices=[_START, *_SCENES, _BENCH])
    options = command.parse_args()
    only = options.only or [_START, *_SCENES, _BENCH]
    major, minor = divmod(round(10 * options.capability), 10)
    cards = [(card_of(memory, capability=(major, minor)), weights) for memory, weights in options.cards]
    report, lines, broken = Report("rehearsal"), list[list[str]](), list[str]()
    with TemporaryDirectory() as folder:
        snapshot = empty_snapshot(Path(folder), full_size())
        for number, (card, weights) in enumerate(cards):
            for setup in OTHERS if number or weights != "bf16" else FIRST:
                if options.attention is None or setup.attention in options.attention:
                    broken += _rehearse(snapshot, card, setup, weights, only, lines)
    if _BENCH in only and options.attention is None:
        broken += _bench(cards[0][0])
    report.say(f"Played by {machine()}.")
    report.table(_LINE, lines)
    report.say("\n".join([f"{len(broken) or 'No'} bounds are broken.", *(f"- {each}" for each in broken)]))
    if options.record:
        report.record()
    sys.exit(bool(broken))


def _sold(text: str) -> tuple[float, WeightsName]:
    """``12:int8``: a card of 12 GB with quantised weights. Raises ArgumentTypeError."""
    memory, _, given = text.partition(":")
    for weights in _WEIGHTS:
        if weights == (given or "bf16") and memory.replace(".", "", 1).isdigit():
            return float(memory), weights
    raise argparse.ArgumentTypeError(f"{text!r} is not GB or GB:WEIGHTS, with weights of {', '.join(_WEIGHTS)}")


_LINE = [
    "card",
    "weights",
    "runner",
    "KV positions",
    "after start, GiB",
    "high water, GiB",
    "made by",
    "most waits a step",
]
"""Of a runner; waits of the scenes in which no memory is refused."""


def _rehearse(
    snapshot: Path, card: Card, setup: Setup, weights: WeightsName, only: list[str], lines: list[list[str]]
) -> list[str]:
    """One runner and its scenes. Returns what they broke; adds a line for the runner."""
    wanted = [name for name in setup.scenes if name in only]
    if not wanted and not (setup.loaded and _START in only):
        return []
    began = monotonic()
    with FakeCuda(card, flash=setup.attention == "flash") as cuda:
        try:
            with warnings_of_model() as warned:
                runner = _runner(snapshot, setup, weights)
            broken = start(cuda, runner, warned)
        except Exception as error:
            return [f"{card.name}, {setup}: does not start: {type(error).__name__}: {error}"]
        positions, started = runner.info.pages * runner.info.page_size, cuda.memory.taken
        print(
            f"\n{card.name}, {setup}: {runner.info.attention}, {positions} KV positions, "
            f"{gib(cuda.memory.taken)} GiB after start (most {gib(cuda.memory.peak)}, {cuda.memory.peak_at}), "
            f"{monotonic() - began:.0f} s",
            flush=True,
        )
        made = scenes(runner.info)
        found = list(_performed(cuda, runner, [made[name] for name in wanted]))
    if found:
        highest = max(found, key=lambda each: each.high_water)
        waits = max((each.waits for each in found if each.scene not in ("refused", "short")), default=0)
        figures = (gib(started), gib(highest.high_water), highest.high_water_at, str(waits))
        lines.append([card.name, weights, str(setup), str(positions), *figures])
    header = ["scene", "steps", "recorded", "most launches", "most waits", "high water, GiB", "made by"]
    print(table(header, [_line(each) for each in found]), flush=True)
    broken += [f"{each.scene}: {text}" for each in found for text in each.broken]
    return [f"{card.name}, {setup}: {text}" for text in broken]


def _performed(cuda: FakeCuda, runner: Runner, wanted: list[Scene]) -> Iterator[Found]:
    for scene in wanted:
        began = monotonic()
        found = perform(cuda, runner, scene)
        print(f"{scene.name}: {monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        yield found
        if found.aborted:
            return


def _runner(snapshot: Path, setup: Setup, weights: WeightsName) -> Runner:
    if setup.loaded:
        return load_runner(
            str(snapshot), device="auto", weights=weights, room=lambda _: _ROOM, attention=setup.attention
        )
    checkpoint = random_checkpoint(full_size(), torch.device("cuda", torch.cuda.current_device()), torch.bfloat16)
    return make_runner(checkpoint, attention=setup.attention, graphs=setup.graphs, drafts=setup.drafts)


def _line(found: Found) -> list[str]:
    counts = (found.steps, found.recorded, found.launches, found.waits)
    return [found.scene, *map(str, counts), gib(found.high_water), found.high_water_at]


def _bench(card: Card) -> list[str]:
    """All sections of ``bench.gpu``, as wide as the full-size model and with few layers: their code is the same."""
    print(f"\n{card.name}, bench.gpu", flush=True)
    with FakeCuda(card, flash=True) as cuda:
        broken = bench_on_card(cuda)
    return [f"{card.name}, bench.gpu: {each}" for each in broken]


if __name__ == "__main__":
    main()
