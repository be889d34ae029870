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
