"""Tables and goal lines that every bench prints the same way, and records in ``docs/performance.md`` when asked to."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
OPERATIONS = PAGE.with_name("operations.md")
"""Where the figures of faults, soaks and fleets are recorded."""
_RECORDS = [f":!docs/{page.name}" for page in (PAGE, OPERATIONS)]
"""Recorded figures do not change what is measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio measured in this run against the one wanted. ``at_least`` False: it should stay below."""

    name: str
    measured: float
    wanted: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted

    def __str__(self) -> str:
        relation, outcome = ">=" if self.at_least else "<=", "met" if self.met else "not met"
        return f"GOAL {self.name} {self.measured:.2f} {relation} {self.wanted:g} {outcome}"


@dataclass(slots=True)
class Report:
    """What one bench found, as Markdown; every part is printed as it comes.

    ``name``: of the block in a page of ``docs`` that ``record`` replaces.
    """

    name: str
    parts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """A paragraph."""
        print(text + "\n", flush=True)
        self.parts.append(text)

    def table(self, header: list[str], rows: list[list[str]]) -> None:
        self.say(table(header, rows))

    def goals(self, goals: Sequence[Goal]) -> None:
        """The closing lines of a bench."""
        lines = "\n".join(map(str, goals))
        print(lines, flush=True)
        self.parts.append(f"```\n{lines}\n```")

    def record(self, page: Path = PAGE) -> None:
        """Replace what the bench's block of ``page`` holds. Raises ValueError where the page has no such block."""
        begin, end = f"<!-- {self.name}: written by the command -->\n", f"<!-- end of {self.name} -->\n"
        before, found, rest = page.read_text(encoding="utf-8").partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{page} has no block {self.name!r}")
        parts = "\n\n".join(self.parts)
        page.write_text(f"{before}{begin}\n{parts}\n\n{end}{after}", encoding="utf-8")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A bench's command line: its module's docstring is the help."""
    made = argparse.ArgumentParser(
        f"python -m {_command()}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--record", action="store_true", help="write the figures into docs")
    return made


def _command() -> str:
    """The module that is run, as the command line names it."""
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else "bench"


def machine() -> str:
    """One line that names the machine, the versions and the commit a table comes from."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores ({_cpu()})"
    return (
        f"{device}, torch {torch.__version__}, transformers {version('transformers')}, "
        f"Python {platform.python_version()}, commit {commit()}"
    )


def commit() -> str:
    """The short hash, marked where the tree differs from it; the variable COMMIT where there is no repository."""
    if shutil.which("git") is None or not (head := _git("rev-parse", "--short", "HEAD")):
        return os.environ.get("COMMIT", "unknown")
    return f"{head} with changes" if _git("status", "--porcelain", "--", ".", *_RECORDS) else head


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table with aligned columns."""
    lines = [header, ["-" * len(cell) for cell in header], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines
    )


def percentiles(seconds: Sequence[float], *wanted: float) -> list[float]:
    """The ``wanted`` percentiles (0 to 100) of some times, in the same unit."""
    return [float(value) for value in np.percentile(seconds, wanted)]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=PAGE.parent.parent)
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()
