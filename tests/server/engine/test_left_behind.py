"""A worker lives no longer than the process that started it, however that one ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.processes import ROOT, wait_until

PATIENCE = 60.0
SCRIPT = """
import asyncio
from server.engine.client.process import WorkerProcess
from server.engine.settings import EngineSettings
from tests.support.speaking_runner import SpeakingRunner

async def main():
    ready = asyncio.Event()
    worker = WorkerProcess(SpeakingRunner, EngineSettings(), lambda messages: ready.set())
    await ready.wait()
    print(worker.pid, flush=True)

asyncio.run(main())
"""


def test_one_that_was_forked_off_leaves_it_alone() -> None:
    forked = "    child = os.fork()\n    if not child:\n        return\n    os.waitpid(child, 0)\n"
    script = SCRIPT.replace("    print(worker.pid,", f"{forked}    print(worker._process.is_alive(),")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import os\n{script}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.split() == [b"True"]


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_nobody_closed_it(end: str) -> None:
    left = subprocess.run(
        [sys.executable, "-c", SCRIPT + end], cwd=ROOT, stdout=subprocess.PIPE, timeout=PATIENCE, check=False
    )
    worker = int(left.stdout)

    def gone() -> bool:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(gone, "the worker is gone", PATIENCE)
