"""The page's scripts are linted, their types hold, and what needs no browser does what it says."""

from __future__ import annotations

import subprocess

import pytest

from tests.browser.conftest import HERE
from tests.support.tools import missing, tool


@pytest.mark.parametrize("check", ["lint", "types"])
def test_scripts(check: str) -> None:
    npm = tool("npm", "npm")
    if not (HERE / "node_modules" / "typescript").is_dir():
        missing("the checks are not installed (npm ci --prefix tests/browser)")
    done = subprocess.run([npm, "--prefix", str(HERE), "run", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_parts_that_need_no_browser() -> None:
    node = tool("node", "nodejs 20 or newer")
    tests = sorted(map(str, (HERE / "scripts").glob("*.test.mjs")))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
