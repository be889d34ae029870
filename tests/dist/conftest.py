"""The distributions as `make dist` makes them, and the wheel in clean environments, away from the tree."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import launch, open_page, playwright, shared_browser
from tests.support.processes import ROOT, wait_until
from tests.support.tools import tool

__all__ = ["launch", "open_page", "playwright", "shared_browser"]
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


@contextmanager
def serving(command: list[str], port: int, home: Path, *, cwd: Path | None = None, **variables: str) -> Iterator[str]:
    """The address of a server that ``command`` starts on ``port``, ready. What it prints goes to ``home / "log"``."""
    url, log = f"http://127.0.0.1:{port}", home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd or home,
            env=environment(home, **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(f"{url}/ready", timeout=5).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(ready, "the server is ready", DEADLINE)
        yield url
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in log.read_text()


@dataclass(frozen=True, slots=True)
class Distributions:
    """``sdist`` and ``wheel``: the files. ``house``: a folder with the wheels of everything that it and its build need."""

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
    builders = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    run(*pip, "wheel", "--wheel-dir", house, "--constraint", CONSTRAINTS, wheel, *builders, cwd=folder)
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
