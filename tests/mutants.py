"""``python -m tests.mutants``: how many small changes to the code some test notices, room by room.

    python -m tests.mutants [--sample 300] [--seed 0] [--of 'server.transcript.*' ...]

mutmut makes the changes (an operator, a constant, an argument) and runs for each the tests that come through the
function; what it changes, and by which tests, stands in pyproject.toml. Without ``--sample`` every mutant is tried:
that takes a night. With it, as many as that are drawn; the same seed draws the same ones from the same code. What was
found stays in ``mutants/``, so that a run can be interrupted and goes on where it was: only what nobody noticed, or
was not tried yet, is tried. ``mutmut show NAME`` shows one.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "mutants" / "report.txt"
PROCESSES = 2
GOAL = 0.85
"""Share of the mutants that some test should notice."""

NOTICED = frozenset({"killed", "timeout", "segfault", "suspicious"})
"""What mutmut calls a mutant that made a test fail, hang or crash."""
_UNTRIED = "not checked"
_NOBODY = "no mutant has this name"


def main() -> int:
    """Try the mutants that were asked for and report. Exit status 1 when fewer than the goal were noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sample", type=int, help="how many mutants are drawn; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument(
        "--of", nargs="+", default=["*"], metavar="PATTERN", help="which are drawn from, by their names"
    )
    options = parser.parse_args()
    prepare()
    found = results()
    names = drawn([name for name in found if _matches(name, options.of)], options.sample, options.seed)
    if left := [name for name in names if found[name] not in NOTICED]:
        with suppress(KeyboardInterrupt):
            mutmut("run", "--max-children", str(PROCESSES), *left)
    found = results()
    tried = {name: found[name] for name in names if found[name] != _UNTRIED}
    text = report(tried, f"{len(tried)} of {len(found)} mutants, seed {options.seed}")
    REPORT.write_text(text + "".join(f"{status}\t{name}\n" for name, status in tried.items()), encoding="utf-8")
    sys.stdout.write(text)
    return int(_share(tried.values()) < GOAL)


def prepare() -> None:
    """Write the mutants down and find out which tests come through which function; quick where nothing has changed.

    mutmut has no command for this alone, but it is done before mutmut looks for the names that it is given.
    """
    told = mutmut("run", _NOBODY, quiet=True)
    if _NOBODY not in told:
        raise SystemExit(told)


def results() -> dict[str, str]:
    """The state of every mutant by its name, ``module.function__mutmut_number``."""
    lines = (line.strip() for line in mutmut("results", "--all", "true", quiet=True).splitlines())
    return dict(line.split(": ", 1) for line in lines if "__mutmut_" in line)


def drawn(names: Sequence[str], count: int | None, seed: int) -> list[str]:
    """``count`` of the names, or all."""
    if count is None or count >= len(names):
        return sorted(names)
    return random.Random(seed).sample(sorted(names), count)


def report(tried: Mapping[str, str], title: str) -> str:
    """A table of the shares by room."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for name, status in sorted(tried.items()):
        rooms[room(name)].append(status)
    rows = [*rooms.items(), ("all", list(tried.values()))]
    lines = [f"| {name} | {len(found)} | {100 * _share(found):.0f} % |\n" for name, found in rows]
    return f"{title}\n| room | tried | noticed |\n|---|---|---|\n{''.join(lines)}"


def room(name: str) -> str:
    """The folder of a mutant's module."""
    module = name.partition(".x")[0]
    return module.rpartition(".")[0].replace(".", "/")


def mutmut(*arguments: str, quiet: bool = False) -> str:
    """Run mutmut at the repository's root. ``quiet``: what it says is returned instead of shown."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    # One thread for each process that computes.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    return run.stdout or ""


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _share(statuses: Collection[str]) -> float:
    return sum(status in NOTICED for status in statuses) / max(1, len(statuses))


if __name__ == "__main__":
    sys.exit(main())
