"""The faults: what is done to a server in each round."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx

from bench.faults.poisonous_runner import KILLS, RAISES
from bench.support.service import RunningServer
from bench.traffic.files import PATH, recordings
from bench.traffic.resources import processes

_PATIENCE = 300.0
_BLOCK = bytes(1 << 20)
_FULL_SECONDS = 3.0
"""For which the disk stays full."""

Harm = Callable[[int], Awaitable[None]]


def to_worker(server: RunningServer, how: signal.Signals) -> Harm:
    """A signal to the worker; returns when the server has noticed."""

    async def harm(_: int) -> None:
        worker = processes(server.pid).worker
        assert worker is not None
        os.kill(worker, how)
        async with asyncio.timeout(_PATIENCE):
            while processes(server.pid).worker == worker:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.02)

    return harm


def to_decoders(server: RunningServer, how: signal.Signals) -> Harm:
    """A signal to every decoder there is."""

    async def harm(_: int) -> None:
        for decoder in processes(server.pid).decoders:
            with suppress(ProcessLookupError):
                os.kill(decoder, how)

    return harm


def full_disk(folder: Path) -> Harm:
    """Nothing more can be written into the temporary folder for some seconds."""

    async def harm(_: int) -> None:
        ballast = folder / "ballast"
        try:
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(_BLOCK)
            await asyncio.sleep(_FULL_SECONDS)
        finally:
            ballast.unlink()

    return harm


class Culprit:
    """Somebody whose request brings the model down, and who sends it again as clients do.

    Attributes:
        refused: rounds in which it was told not to come back.
    """

    def __init__(self, server: RunningServer, *, kills: bool) -> None:
        self.refused = 0
        self._base = server.base
        self._context = KILLS if kills else RAISES

    async def harm(self, number: int) -> None:
        """Until the request is refused for good. Raises TimeoutError where it never is."""
        fields = {"model": "vibevoice-asr", "prompt": f"{self._context}, {number}"}
        # Others send these recordings too.
        clip = recordings()[number % 3]
        async with asyncio.timeout(_PATIENCE), httpx.AsyncClient(base_url=self._base, verify=False) as http:
            while True:
                answer = await http.post(PATH, data=fields, files={"file": ("clip.flac", clip)}, timeout=_PATIENCE)
                if answer.headers.get("x-should-retry") == "false":
                    self.refused += 1
                    return
                await asyncio.sleep(float(answer.headers.get("retry-after", "0.5")))
