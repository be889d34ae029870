"""What teaching the full-size model takes of a GPU's memory.

    python -m bench.parts.teaching [--rank 16] [--parts] [--record]

Computed from the configuration by ``model.finetune.needs``, and measured by nobody yet.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from bench.support.random_model import full_size, without_memory
from bench.support.report import Report, machine, parser
from model.family import VIBEVOICE_ASR
from model.finetune.course import Method
from model.finetune.needs import Needs
from model.memory.footprint import Footprint
from server.engine.budget import expected_tokens

_MINUTES = (1, 10, 30, 60)
_KINDS: tuple[tuple[Method, bool], ...] = (("lora", True), ("lora", False), ("full", True), ("full", False))
_PROMPT = 70
"""Positions of template and header."""
PAGE = Path("docs/finetuning.md")
HEAD = ["what learns", "numbers", "computed again", *(f"{minutes} min" for minutes in _MINUTES)]


def main() -> None:
    """Compute and print the table."""
    command = parser(__doc__)
    command.add_argument("--rank", type=int, default=16)
    command.add_argument("--parts", action="store_true")
    options = command.parse_args()
    report = Report("teaching")
    report.say(f"Computed, not measured, in GB, one recording at a time; {machine()}.")
    report.table(HEAD, table(options.rank, parts=options.parts))
    if options.record:
        report.record(PAGE)


def table(rank: int, *, parts: bool = False) -> list[list[str]]:
    """Rows below ``HEAD``. ``parts``: print what the memory is for, too."""
    footprint, rows = Footprint.of(without_memory(full_size())), []
    for method, recompute in _KINDS:
        needs = [
            Needs.of(footprint, method=method, rank=rank, recompute=recompute, positions=positions(minutes))
            for minutes in _MINUTES
        ]
        name = f"adapter of rank {rank}" if method == "lora" else "the decoder itself"
        learning = footprint.adapter_numbers(rank) if method == "lora" else footprint.decoder
        rows.append([name, f"{learning / 1e6:,.0f} M", "yes" if recompute else "no", *map(_gigabytes, needs)])
        if parts:
            for minutes, each in zip(_MINUTES, needs, strict=True):
                told = ", ".join(f"{part} {size / 1e9:.1f}" for part, size in asdict(each).items())
                print(f"{name}, {minutes} min, computed again {recompute}: {told}")
    return rows


def positions(minutes: int) -> int:
    """Of a recording with as much talk as is usual."""
    seconds = 60.0 * minutes
    return _PROMPT + VIBEVOICE_ASR.geometry.frames_of(seconds) + expected_tokens(seconds)


def _gigabytes(needs: Needs) -> str:
    return f"{needs.total / 1e9:.0f}"


if __name__ == "__main__":
    main()
