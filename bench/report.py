"""Tables and goal lines that every bench prints the same way."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch


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
        return f"GOAL {self.name} {self.measured:.2f} {'>=' if self.at_least else '<='} {self.wanted:g}"


def machine() -> str:
    """One line that names the machine, the versions and the commit a table comes from."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores ({_cpu()})"
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return (
        f"{device}, torch {torch.__version__}, transformers {version('transformers')}, "
        f"Python {platform.python_version()}, commit {commit.stdout.strip() or 'unknown'}"
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table with aligned columns."""
    lines = [header, ["-" * len(cell) for cell in header], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines
    )


def print_goals(goals: list[Goal]) -> None:
    """The closing lines of a bench."""
    for goal in goals:
        print(goal)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()
