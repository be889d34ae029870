"""CPU time of the server's processes, told apart by what they do. Linux only: it reads ``/proc``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from server.audio_in import child

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuSeconds:
    """CPU seconds since the processes began: of the API process, of the decoders, of the worker with the model."""

    api: float
    decoders: float
    worker: float

    def __sub__(self, earlier: CpuSeconds) -> CpuSeconds:
        return CpuSeconds(self.api - earlier.api, self.decoders - earlier.decoders, self.worker - earlier.worker)

    def __str__(self) -> str:
        return f"API process {self.api:.1f} s, decoders {self.decoders:.1f} s, worker {self.worker:.1f} s"


def cpu_seconds(server: int) -> CpuSeconds:
    """Of the server with this process id. Its children are decoders, and otherwise the worker and its helpers."""
    api = decoders = worker = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        parent, own, reaped = int(fields[1]), _seconds(fields[11:13]), _seconds(fields[13:15])
        if int(folder.name) == server:
            api += own
            decoders += reaped  # decoders are replaced now and then; the worker is not
        elif parent == server and child.__name__.encode() in command:
            decoders += own
        elif parent == server:
            worker += own
    return CpuSeconds(api, decoders, worker)


def _seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / _TICKS
