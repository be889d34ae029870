"""The distributions as `make dist` makes them, and the wheel in clean environments, away from the tree."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from tests.support.tools import tool

DEADLINE = 900.0
"""Seconds for one installation, on a busy machine."""
CONSTRAINTS = ROOT / "constraints.txt"


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of somebody who has never seen the tree: no path of Python's, no settings of the server, no hub."""
    foreign = ("VIBEVOICE_", "PYTHON", "HF_", "UV_", "PIPX_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"} | more


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """What it prints; it has to end well."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(cwd, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Distributions:
    """``sdist`` and ``wheel``: the files. ``house``: a folder with the wheels of everything that it needs."""

    sdist: Path
    wheel: Path
    house: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Of this tree, the wheel made from the source distribution. What it needs is fetched once, for all installers."""
    folder = tmp_path_factory.mktemp("dist")
    run(tool("pyproject-build", "build"), "--outdir", folder, ROOT, cwd=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    house = tmp_path_factory.mktemp("house")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--wheel-dir", house, "--constraint", CONSTRAINTS, wheel, cwd=folder)
    return Distributions(sdist, wheel, house)


@pytest.fixture(scope="session")
def by_pip(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of a clean environment with the wheel."""
    folder = tmp_path_factory.mktemp("pip")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    commands = folder / "venv" / "bin"
    offline = ("--no-index", "--find-links", distributions.house)
    run(commands / "python", "-m", "pip", "--quiet", "install", *offline, distributions.wheel, cwd=folder)
    return commands
