"""The full-size model with random weights on one GPU: each part against what the device can do at best.

    python -m bench.gpu [--out FOLDER] [--only steps files ...] [--record]
    python -m bench.gpu --rehearse          the same on a CPU with a small model, in a minute or two
    python -m bench.gpu --show FILE ... --record

One call takes less than ten minutes: every section has a time limit, all together have one, and a section that
reaches it or fails keeps what it measured. ``gpu.json`` in the folder (the variable OUT, or the working folder) is
written after every section; ``--show`` prints such files again, as if they were of one run: of a section that was
measured several times the last. Needs no checkpoint and none of the server's web
packages. Guesses at the answer's template never come true with random weights, so a trained model decodes in fewer
steps than these files.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from types import FrameType

import torch

from bench.gpu import checks, files, live, long, parts, quantised
from bench.gpu.bench import Bench, Section, Sizes
from bench.support.capacity import by_memory
from bench.support.random_model import full_size, random_checkpoint, small
from bench.support.report import Goal, Report, machine, parser
from model.decoder.dimensions import bytes_per_position

FULL = Sizes(
    copy_bytes=4 << 30,
    matmul_side=8192,
    encoder_shapes=((1, 8), (8, 8), (32, 8), (1, 450), (8, 450), (32, 450)),
    step_batches={1000: (1, 8, 32, 64, 128), 8000: (1, 8, 32, 64), 32_000: (1, 8, 16)},
    prefills=(450, 4500, 27_000),
    clip_seconds=(5.0, 120.0),
    clips={1: 4, 8: 24, 32: 96, 64: 192, 128: 384},
    static_batches=(64, 16, 1),
    long_seconds=3600,
    beside=16,
    live_streams=(32, 64, 128, 192, 256),
    live_seconds=8.0,
    compared_prompts=32,
    random_steps=10_000,
)
REHEARSAL = Sizes(
    copy_bytes=1 << 24,
    matmul_side=256,
    encoder_shapes=((1, 8), (8, 8), (2, 75)),
    step_batches={1000: (1, 8, 32), 4000: (1, 4)},
    prefills=(450, 4500),
    clip_seconds=(1.0, 8.0),
    clips={1: 2, 8: 16, 32: 64},
    static_batches=(16, 1),
    long_seconds=60,
    beside=4,
    live_streams=(1, 2),
    live_seconds=4.0,
    compared_prompts=4,
    random_steps=300,
)
SECTIONS: dict[str, tuple[Callable[[Bench, Section], None], float]] = {
    "rates": (parts.rates, 15),
    "encoders": (parts.encoders, 60),
    "steps": (parts.steps, 100),
    "files": (files.files, 100),
    "static": (files.static, 80),
    "long": (long.long_file, 50),
    "live": (live.live, 80),
    "prefills": (parts.prefills, 25),
    "checks": (checks.checks, 50),
    "random": (checks.random_steps, 70),
    "quantised": (quantised.quantised, 70),
    "backends": (parts.backends, 50),
}
"""Each with its limit in seconds; what the goals need comes first."""
_MEMORY = "memory"
TOTAL_SECONDS = 530.0
"""For all sections together. Loading torch, making the model and writing the results come on top."""


class TimeUp(BaseException):
    """A section has used up its time. No Exception: what contains the failures of a stream must not contain this."""


@dataclass(slots=True)
class Findings:
    """All of a run, as it is written to ``gpu.json``."""

    machine: str
    model: str
    sections: list[Section]
    goals: list[Goal]

    def save(self, folder: Path) -> None:
        (folder / "gpu.json").write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> Findings:
        found = json.loads(file.read_text(encoding="utf-8"))
        sections, goals = ([Section(**each) for each in found["sections"]], [Goal(**each) for each in found["goals"]])
        return cls(found["machine"], found["model"], sections, goals)

    @classmethod
    def together(cls, runs: Sequence[Findings]) -> Findings:
        """Of several runs, the later ones for what the earlier ones had no time for."""
        sections: dict[str, Section] = {}
        for section in (section for run in runs for section in run.sections):
            known = sections.get(section.name)
            if known is None or section.rows or not known.rows:
                sections[section.name] = section
        if memory := [section for run in runs for section in run.sections if section.name == _MEMORY]:
            rows = {row[0]: row for section in memory for row in section.rows}
            notes = list(dict.fromkeys(note for section in memory for note in section.notes))
            sections[_MEMORY] = replace(memory[-1], rows=list(rows.values()), notes=notes)
        goals = {goal.name: goal for run in runs for goal in run.goals}
        machines = dict.fromkeys(run.machine for run in runs)
        return cls("; ".join(machines), runs[-1].model, list(sections.values()), list(goals.values()))

    def report(self) -> Report:
        """Everything once more as Markdown."""
        report = Report("gpu")
        report.say(f"{self.machine}: {self.model}")
        for section in self.sections:
            report.say(f"**{section.name}** ({section.seconds:.0f} s)")
            if section.rows:
                report.table(section.header, section.rows)
            if section.notes:
                report.say("\n".join(f"- {note}" for note in section.notes))
        report.goals(self.goals)
        return report


def main() -> None:
    """Run the bench, or show what a run has found."""
    command = parser(__doc__)
    command.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    command.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    command.add_argument("--rehearse", action="store_true")
    command.add_argument("--show", type=Path, nargs="+")
    options = command.parse_args()
    if options.show:
        findings = Findings.together([Findings.load(file) for file in options.show])
    else:
        findings = _measure(options.rehearse, options.only, options.out)
    report = findings.report()
    if options.record:
        report.record()


def _measure(rehearse: bool, names: Sequence[str], out: Path) -> Findings:
    if not rehearse and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here; --rehearse runs the same on a CPU.")
    device = torch.device("cpu") if rehearse else torch.device("cuda", torch.cuda.current_device())
    config, dtype = (small(), torch.float32) if rehearse else (full_size(), torch.bfloat16)
    return run(Bench(random_checkpoint(config, device, dtype), REHEARSAL if rehearse else FULL), names, out)


def run(bench: Bench, names: Sequence[str], out: Path) -> Findings:
    """Measure the sections of those names, each within its limit; nothing that goes wrong in one ends the run."""
    model = bench.checkpoint.model
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    findings = Findings(
        machine(),
        f"random weights, {weights / 1e9:.2f} GB, {bytes_per_position(model)} bytes of KV cache per position",
        [],
        [],
    )
    end = monotonic() + TOTAL_SECONDS
    for name in names:
        measure, limit = SECTIONS[name]
        limit = min(limit, end - monotonic())
        section = Section(name, deadline=monotonic() + limit)
        findings.sections.append(section)
        _measure_section(bench, section, measure, limit)
        findings.goals = bench.goals()
        findings.save(out)
    findings.sections.append(_memory(bench, findings.sections))
    findings.save(out)
    return findings


def _measure_section(bench: Bench, section: Section, measure: Callable[[Bench, Section], None], limit: float) -> None:
    if limit < 1:
        section.notes.append("no time left")
        return
    began = monotonic()
    try:
        settle(bench.device)  # fails where the section before has broken the device
        with time_limit(limit):
            measure(bench, section)
    except TimeUp:
        section.notes.append(f"stopped after {limit:.0f} s")
    except Exception as error:
        traceback.print_exc()
        section.notes.append(f"failed: {type(error).__name__}: {error}")
    section.seconds = monotonic() - began
    if bench.device.type == "cuda":
        section.peak_bytes = torch.cuda.max_memory_allocated()
    print(f"{section.name}: {section.seconds:.0f} s, {len(section.rows)} rows, {section.notes}", flush=True)


def settle(device: torch.device) -> None:
    """Let go of what the section before has left."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _memory(bench: Bench, sections: Sequence[Section]) -> Section:
    """What each section took of the GPU, and what the server's KV cache has room for there."""
    rows = [[section.name, f"{section.peak_bytes / 1e9:.1f}"] for section in sections if section.peak_bytes]
    memory = Section(_MEMORY, ["section", "most allocated, GB (weights and KV pages included)"], rows)
    if bench.held is not None:
        capacity = by_memory(bench.held)
        memory.notes.append(
            f"{bench.held.pages * bench.held.page_size} positions of KV cache: longest file "
            f"{int(capacity.pass_seconds / 60)} min; at once {capacity.recordings[60]} requests of a minute or "
            f"{capacity.recordings[3600]} of an hour"
        )
    return memory


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp in here once the time is over. For the main thread, and where there are alarms."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TimeUp

    handler = signal.signal(signal.SIGALRM, over)
    delay, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, delay, interval)
        signal.signal(signal.SIGALRM, handler)
